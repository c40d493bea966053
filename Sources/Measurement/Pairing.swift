// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Transfer

/// What two ends have agreed on and report to each other, at either end.
package protocol Pairing {
  /// The control connection.
  var channel: ControlChannel { get }
  /// What was agreed on.
  var agreement: Agreement { get }
}

// The receiver.
extension Pairing {
  /// Reads what was sent, and reports what was received.
  ///
  /// - Parameters:
  ///   - received: By each flow's port at the end that connected. All have the addresses of the
  ///     control connection, or they were not taken.
  ///   - engine: What received.
  ///   - hasFailed: Whether this end has found something wrong so far.
  /// - Returns: What the sender reports of each flow.
  /// - Throws: Where the two do not agree.
  package func exchange(
    _ received: [UInt16: ReceivedFlow], by engine: Engine = .devmem, in duration: Duration,
    isChecked: Bool, hasFailed: Bool
  ) throws(Failure) -> PeerReport {
    let report = try hear()
    let difference = report.difference(from: received)
    for (port, flow) in received.sorted(by: { $0.key < $1.key }) {
      try channel.send(flow.message(from: port, isChecked: isChecked))
    }
    let fails = hasFailed || difference != nil
    try channel.send(
      PeerMessage(.end, fails ? 1 : 0, Int(duration.nanoseconds), engine.number))
    if let difference { throw Failure("agree with the sender", reason: difference) }
    if report.hasFailed { throw Failure("accept the flows", reason: "the sender failed") }
    return report
  }

  private func hear() throws(Failure) -> PeerReport {
    var report = PeerReport()
    for _ in 0..<agreement.flows {
      try report.add(PeerReport.Flow(sent: try channel.receive(.sent)))
    }
    report.end(with: try channel.receive(.end))
    return report
  }
}

// The sender.
extension Pairing {
  /// Reports what was sent, and reads what was received.
  ///
  /// - Parameter engine: What sent.
  /// - Returns: What the receiver reports of each flow. `PeerReport.failure(for:)` compares it.
  package func exchange(
    _ flows: [SentFlow], by engine: Engine = .devmem, in duration: Duration
  ) throws(Failure) -> PeerReport {
    for flow in flows { try channel.send(flow.message) }
    try channel.send(PeerMessage(.end, 0, Int(duration.nanoseconds), engine.number))
    var peer = PeerReport()
    for _ in flows {
      try peer.add(PeerReport.Flow(received: try channel.receive(.received)))
    }
    peer.end(with: try channel.receive(.end))
    return peer
  }
}

extension PeerReport {
  /// How a sender's report differs from what was received; `nil` if it does not.
  package func difference(from received: [UInt16: ReceivedFlow]) -> String? {
    for flow in flows {
      guard let port = UInt16(exactly: flow.port), let figures = received[port]?.figures
      else {
        return "it reports a flow from port \(flow.port)"
      }
      guard flow.bytes == figures.bytes else {
        return "it sent \(flow.bytes) bytes from port \(port), and \(figures.bytes) came"
      }
    }
    let isDuplicate = Set(flows.map(\.port)).count < flows.count
    return isDuplicate ? "it reports a flow twice" : nil
  }

  /// Why the two ends do not agree, or what the receiver found wrong; `nil` if all is well.
  package func failure(for sent: [SentFlow]) -> Failure? {
    for flow in sent {
      let theirs = flows.filter { $0.port == Int(flow.port) }
      let operation = "agree with the receiver"
      guard theirs.count <= 1 else {
        return Failure(operation, reason: "it reports flow \(flow.index) twice")
      }
      let bytes = theirs.first?.bytes ?? 0
      guard bytes == flow.bytes, !theirs.isEmpty else {
        return Failure(
          operation, reason: "it got \(bytes) of the \(flow.bytes) bytes of flow \(flow.index)")
      }
    }
    guard hasFailed else { return nil }
    return Failure(
      "have the flows accepted", reason: "the receiver found something wrong",
      hint: "its own standard error says what")
  }
}
