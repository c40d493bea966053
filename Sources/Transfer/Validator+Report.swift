// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Payload
internal import Sockets

extension Validator {
  /// Reports what is wrong in the last piece, of so many bytes.
  @inline(never)
  func reportMismatches(in count: Int, from origin: PieceOrigin, to report: (String) -> Void) {
    for mismatch in mismatches where mismatch.streamOffset >= streamOffset - count {
      report(mismatch.description(in: origin))
    }
  }
}

extension Validator.Mismatch {
  fileprivate func description(in origin: PieceOrigin) -> String {
    let place =
      switch origin {
      case .fragment(let fragment, let index):
        """
        fragment \(index), token \(fragment.token), page \
        \((Int(fragment.offset) + pieceOffset) / pageSize)
        """
      case .linear: "linear part"
      case .plain: "plain frame"
      case .copied: "copied"
      case .shown: "mapped"
      }
    return """
      wrong byte at \(streamOffset): expected \(expected), got \(actual) (\(place))
      """
  }
}
