// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload

/// A stream in pieces of one size, as it lies in memory: each in buffers of its own.
struct FragmentLayout {
  /// Bytes of a fragment.
  let size: Int
  /// How many there are.
  let count: Int
  private let spacing: Int

  /// Lays fragments out over the whole of a memory.
  init(of size: Int, in byteCount: Int) {
    self.size = size
    spacing = (size + 4095) / 4096 * 4096
    count = byteCount / spacing
  }

  /// Where a fragment lies.
  func range(of fragment: Int) -> Range<Int> {
    fragment * spacing..<fragment * spacing + size
  }

  /// Where some fragments lie, and what is between them.
  func range(of fragments: Range<Int>) -> Range<Int> {
    fragments.lowerBound * spacing..<(fragments.upperBound - 1) * spacing + size
  }

  /// Writes the stream.
  func fill(_ buffer: inout DeviceBuffer, with pattern: Pattern) throws(Failure) {
    let generator = PatternGenerator(pattern)
    _ = try buffer.writing(0..<count * spacing) { bytes in
      for fragment in 0..<count {
        var part = bytes._mutatingExtracting(range(of: fragment))
        generator.fill(&part, from: fragment * size)
      }
      return count * spacing
    }
  }
}

extension GPUComparison {
  /// Adds a fragment, in as many pieces as it takes.
  mutating func addFragment(_ range: Range<Int>, from streamOffset: Int) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceLimit) {
      add(
        start..<min(start + Self.pieceLimit, range.upperBound),
        from: streamOffset + start - range.lowerBound)
    }
  }
}
