// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Payload

/// Where a measured flow's payload ends: it is checked, or dropped.
struct FlowSink: PayloadSink, ~Copyable {
  private var validation: ValidatingSink?

  /// - Parameters:
  ///   - pattern: What to check against; `nil` to drop all.
  ///   - interval: Of how many pieces the first one is checked.
  ///   - flow: The flow's number, for the lines about wrong bytes.
  init(_ pattern: Pattern?, every interval: Int, of flow: Int) {
    guard let pattern else {
      validation = nil
      return
    }
    validation = ValidatingSink(pattern, every: interval) {
      Diagnostics.print("flow \(flow): \($0)")
    }
  }

  mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    try validation?.take(piece, from: origin())
  }

  mutating func release() throws(Failure) {}

  var readsPayload: Bool { validation != nil }

  var wrongByteCount: Int? {
    switch validation {
    case .some(let validation): validation.wrongByteCount
    case .none: nil
    }
  }
}
