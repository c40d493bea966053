// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets

/// The sending end of what two ends agree on and report to each other.
package struct SenderPairing {
  private let channel: ControlChannel

  /// Agrees with the receiver.
  package init(over channel: ControlChannel, on agreement: Agreement) throws(Failure) {
    self.channel = channel
    try channel.greet()
    try channel.send(agreement.offer)
    let answer = try channel.receive()
    switch answer.verb {
    case .ready where answer.values[0] == agreement.flows: break
    case .refused:
      let reason = PeerMessage.Refusal(rawValue: answer.values[0])?.reason
      throw Failure("agree with the receiver", reason: reason ?? "it does not say why")
    default:
      throw Failure(
        "understand the peer", errno: .protocolError, reason: "it said \(answer.line)")
    }
  }

  /// What was sent of a flow.
  package struct Sent: Equatable, Sendable {
    /// The flow's number.
    package let index: Int
    /// Its port at this end.
    package let port: UInt16
    /// How much was sent.
    package let bytes: Int
    /// How much of it in the warm-up.
    package let omittedBytes: Int
    /// The kernel's account of the connection.
    package let information: ConnectionInformation

    /// What a report has of a flow; `nil` of a received one.
    ///
    /// - Parameter omitted: What of its figures is of the warm-up.
    package init?(_ flow: MeasurementReport.Flow, omitting omitted: FlowFigures = FlowFigures()) {
      guard case .sent(let port, _) = flow.detail else { return nil }
      self.init(
        index: flow.index, port: port, bytes: flow.figures.bytes, omittedBytes: omitted.bytes,
        information: flow.information)
    }

    /// What was sent of a flow.
    package init(
      index: Int, port: UInt16, bytes: Int, omittedBytes: Int = 0,
      information: ConnectionInformation
    ) {
      self.index = index
      self.port = port
      self.bytes = bytes
      self.omittedBytes = omittedBytes
      self.information = information
    }

    fileprivate var message: PeerMessage {
      PeerMessage(
        .sent, Int(port), bytes, omittedBytes, information.retransmits,
        Int(information.roundTrip.nanoseconds / 1000), information.congestionWindow,
        information.segmentSize, information.reorderings)
    }
  }

  /// Reports what was sent, and reads what was received.
  ///
  /// - Returns: What the receiver reports of each flow. `failure(of:for:)` compares it.
  package func exchange(_ flows: [Sent], in duration: Duration) throws(Failure) -> PeerReport {
    for flow in flows { try channel.send(flow.message) }
    try channel.send(PeerMessage(.end, 0, Int(duration.nanoseconds)))
    var peer = PeerReport()
    for _ in flows {
      try peer.add(PeerReport.Flow(received: try channel.receive(.received)))
    }
    peer.end(with: try channel.receive(.end))
    return peer
  }

  /// Why the two ends do not agree, or what the receiver found wrong; `nil` if all is well.
  package static func failure(of peer: PeerReport, for flows: [Sent]) -> Failure? {
    for flow in flows {
      let theirs = peer.flows.filter { $0.port == Int(flow.port) }
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
    guard peer.hasFailed else { return nil }
    return Failure(
      "have the flows accepted", reason: "the receiver found something wrong",
      hint: "its own standard error says what")
  }
}
