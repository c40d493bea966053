// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Payload

/// Compares the stream with its pattern and reports wrong bytes.
package struct ValidatingSink: PayloadSink, ~Copyable {
  private var validator: Validator
  private let report: (String) -> Void
  private var sampling: Sampling

  /// How many bytes were not compared.
  private var skippedByteCount = 0

  /// - Parameters:
  ///   - interval: Of how many pieces the first one is checked, at least 1.
  ///   - report: Takes a line for each of the first wrong bytes.
  package init(_ pattern: Pattern, every interval: Int = 1, report: @escaping (String) -> Void) {
    validator = Validator(pattern)
    sampling = Sampling(every: interval)
    self.report = report
  }

  @inline(__always)
  package mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    guard sampling.takesNext() else { return skip(piece.byteCount) }
    guard validator.check(piece) > 0 else { return }
    validator.reportMismatches(in: piece.byteCount, from: origin(), to: report)
  }

  private mutating func skip(_ count: Int) {
    skippedByteCount &+= count
    validator.skip(count)
  }

  package mutating func release() throws(Failure) {}

  package var readsAtOnce: Bool { sampling.takesAll }

  package var checkedByteCount: Int { validator.streamOffset - skippedByteCount }

  package var wrongByteCount: Int? { validator.wrongByteCount }
}
