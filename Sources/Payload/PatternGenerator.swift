// SPDX-License-Identifier: GPL-2.0-only

/// Writes a pattern into buffers, wherever in the stream they lie.
package struct PatternGenerator: Sendable {
  /// What is written.
  package let pattern: Pattern

  private let table: PatternTable

  /// Writes the pattern out once, to copy from.
  package init(_ pattern: Pattern) {
    self.pattern = pattern
    table = PatternTable(pattern)
  }

  /// Fills a buffer with the bytes that the stream has from an offset on.
  package func fill(_ buffer: inout MutableRawSpan, from streamOffset: Int = 0) {
    table.fill(&buffer, at: streamOffset % pattern.period)
  }
}
