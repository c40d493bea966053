// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Payload
internal import Sockets

/// Compares the stream with its pattern and reports wrong bytes.
package struct ValidatingSink: PayloadSink, ~Copyable {
  private var validator: Validator
  private let report: (String) -> Void
  private let interval: Int
  private var piecesToSkip = 0

  /// How many bytes were compared.
  package private(set) var checkedByteCount = 0

  /// - Parameters:
  ///   - interval: Of how many pieces the first one is checked, at least 1.
  ///   - report: Takes a line for each of the first wrong bytes.
  package init(_ pattern: Pattern, every interval: Int = 1, report: @escaping (String) -> Void) {
    validator = Validator(pattern)
    self.interval = interval
    self.report = report
  }

  @inline(__always)
  package mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    guard piecesToSkip == 0 else {
      piecesToSkip -= 1
      return validator.skip(piece.byteCount)
    }
    piecesToSkip = interval &- 1
    checkedByteCount &+= piece.byteCount
    if validator.check(piece) > 0 { reportMismatches(in: piece.byteCount, from: origin()) }
  }

  /// Reports what is wrong in the last piece, of so many bytes.
  @inline(never)
  private func reportMismatches(in count: Int, from origin: PieceOrigin) {
    let start = validator.streamOffset - count
    for mismatch in validator.mismatches where mismatch.streamOffset >= start {
      report(Self.describe(mismatch, in: origin))
    }
  }

  package mutating func release() throws(Failure) {}

  package var wrongByteCount: Int? { validator.wrongByteCount }

  private static func describe(_ mismatch: Validator.Mismatch, in origin: PieceOrigin) -> String {
    let place =
      switch origin {
      case .fragment(let fragment, let index):
        """
        fragment \(index), token \(fragment.token), page \
        \((Int(fragment.offset) + mismatch.pieceOffset) / pageSize)
        """
      case .linear: "linear part"
      case .plain: "plain frame"
      }
    return """
      wrong byte at \(mismatch.streamOffset): expected \(mismatch.expected), \
      got \(mismatch.actual) (\(place))
      """
  }
}
