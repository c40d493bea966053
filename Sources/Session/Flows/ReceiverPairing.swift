// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Options
internal import Sockets
internal import Throughput

/// The receiving end of what two ends agree on and tell each other.
final class ReceiverPairing {
  let channel: ControlChannel
  let terms: FlowTerms
  /// Whether the sender was told that this end listens: from then on nothing is refused.
  private var isReady = false

  /// Waits for a sender and agrees with it. That comes before the NIC is touched: where the flows
  /// are steered, the control connection shall not go.
  init(
    as configuration: Configuration.Receive, _ measurement: Configuration.Measurement,
    at port: UInt16, orStoppedBy stop: CInt
  ) throws(Failure) {
    let address = try SocketAddress(using: configuration.address, port: port)
    let listener = try Listener(on: address)
    Diagnostics.print("waiting for a sender on control port \(address)")
    let connection = try listener.next(within: configuration.timeout, orStoppedBy: stop)
    channel = ControlChannel(
      over: connection, patience: configuration.timeout.map(\.wholeSeconds), orStoppedBy: stop)
    try channel.greet()
    guard let terms = FlowTerms(offer: try channel.receive(.offer)) else {
      throw Failure(
        "understand the peer", errno: .protocolError, reason: "its offer is out of bounds")
    }
    self.terms = terms
    if let refusal = terms.refusal(by: measurement, checking: configuration.checks.pattern) {
      try channel.send(PeerMessage(.refused, refusal.rawValue))
      throw Failure(
        "agree with the sender", reason: refusal.reason(against: terms),
        hint: "what this end's options leave open the sender decides")
    }
  }

  /// Tells the sender that this end listens.
  func ready() throws(Failure) {
    try channel.send(PeerMessage(.ready, terms.flows))
    isReady = true
  }

  /// Tells the sender that this end does not come to listen, unless it has. Where that fails, the
  /// end of the connection has to do.
  func refuse() {
    guard !isReady else { return }
    do throws(Failure) {
      try channel.send(PeerMessage(.refused, PeerMessage.Refusal.failure.rawValue))
    } catch {}
  }

  /// Hears what was sent, and tells what was received.
  ///
  /// - Parameters:
  ///   - received: By the port that each flow came from.
  ///   - hasFailed: Whether this end has found something wrong so far.
  /// - Returns: What the sender says of each flow.
  /// - Throws: Where the two do not agree.
  func exchange(
    _ received: [UInt16: FlowFigures], seconds: Double, isChecked: Bool, hasFailed: Bool
  ) throws(Failure) -> PeerReport {
    var report = PeerReport()
    for _ in 0..<terms.flows {
      let values = try channel.receive(.sent)
      report.flows.append(
        PeerReport.Flow(
          port: values[0], bytes: values[1], retransmits: values[2],
          roundTripMicroseconds: values[3]))
    }
    try report.end(with: try channel.receive(.end))
    let difference = report.flows.compactMap { flow -> String? in
      guard let port = UInt16(exactly: flow.port), let figures = received[port] else {
        return "it tells of a flow from port \(flow.port)"
      }
      return flow.bytes == figures.bytes
        ? nil
        : "it sent \(flow.bytes) bytes from port \(port), and \(figures.bytes) came"
    }.first
    let isDuplicate = Set(report.flows.map(\.port)).count < report.flows.count
    for (port, figures) in received.sorted(by: { $0.key < $1.key }) {
      try channel.send(
        PeerMessage(
          .received, Int(port), figures.deviceBytes, figures.linearBytes, figures.plainBytes,
          figures.fragments, isChecked ? 1 : 0, figures.wrongBytes))
    }
    let fails = hasFailed || difference != nil || isDuplicate
    try channel.send(PeerMessage(.end, fails ? 1 : 0, Int(seconds * 1e9)))
    if let difference { throw Failure("agree with the sender", reason: difference) }
    if isDuplicate { throw Failure("agree with the sender", reason: "it tells of a flow twice") }
    if report.hasFailed { throw Failure("accept the flows", reason: "the sender failed") }
    return report
  }
}
