// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Payload

/// Where the payload of a measured stream ends: it is compared with a pattern, or dropped.
package struct MeasuredSink: PayloadSink, ~Copyable {
  private var validation: ValidatingSink?

  // What `validation` would answer, too: but each look into it is a call, and there are three for each
  // fragment.
  package let dropsPayload: Bool
  package let readsAtOnce: Bool

  /// - Parameters:
  ///   - pattern: What to compare with; `nil` to drop all.
  ///   - interval: Of how many pieces the first one is compared, at least 1.
  ///   - report: Takes a line for each of the first wrong bytes.
  package init(
    _ pattern: Pattern?, every interval: Int = 1, report: @escaping (String) -> Void
  ) {
    dropsPayload = pattern == nil
    guard let pattern else {
      validation = nil
      readsAtOnce = false
      return
    }
    let validation = ValidatingSink(pattern, every: interval, report: report)
    readsAtOnce = validation.readsAtOnce
    self.validation = consume validation
  }

  package mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    try validation?.take(piece, from: origin())
  }

  package mutating func release() throws(Failure) {}

  package var readsPayload: Bool { !dropsPayload }

  package var checkedByteCount: Int {
    switch validation {
    case .some(let validation): validation.checkedByteCount
    case .none: 0
    }
  }

  package var wrongByteCount: Int? {
    switch validation {
    case .some(let validation): validation.wrongByteCount
    case .none: nil
    }
  }
}
