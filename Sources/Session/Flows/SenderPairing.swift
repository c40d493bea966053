// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Options
internal import Sockets
internal import Throughput

/// The sending end of what two ends agree on and tell each other.
struct SenderPairing {
  private let channel: ControlChannel
  private let terms: FlowTerms

  /// Connects to the receiver, and agrees with it.
  init(
    as configuration: Configuration.Send, at port: UInt16, on terms: FlowTerms,
    orStoppedBy stop: CInt
  ) throws(Failure) {
    self.terms = terms
    channel = ControlChannel(
      over: try configuration.connect(to: port, orStoppedBy: stop),
      patience: configuration.timeout.map(\.wholeSeconds), orStoppedBy: stop)
    try channel.greet()
    try channel.send(terms.offer)
    let answer = try channel.receive()
    switch answer.verb {
    case .ready where answer.values[0] == terms.flows: break
    case .refused:
      let reason = PeerMessage.Refusal(rawValue: answer.values[0])?.reason
      throw Failure("agree with the receiver", reason: reason ?? "it does not say why")
    default:
      throw Failure(
        "understand the peer", errno: .protocolError, reason: "it said \(answer.line)")
    }
  }

  /// Tells what was sent, and hears what was received.
  ///
  /// - Throws: Where the two do not agree, or the receiver has found something wrong.
  func exchange(
    _ flows: [OutgoingFlow], seconds: Double, into report: inout ThroughputReport
  ) throws(Failure) {
    for flow in flows {
      let information = try attempt("ask for the course of flow", on: "\(flow.index)") {
        () throws(Errno) in
        try flow.destination.connection.information()
      }
      try channel.send(
        PeerMessage(
          .sent, Int(flow.port), flow.figures.bytes, information.retransmits,
          information.roundTripMicroseconds))
    }
    try channel.send(PeerMessage(.end, 0, Int(seconds * 1e9)))
    var peer = PeerReport()
    for _ in flows { peer.flows.append(try flow(from: try channel.receive(.received))) }
    try peer.end(with: try channel.receive(.end))
    report.peer = peer
    for flow in flows {
      let theirs = peer.flows.filter { $0.port == Int(flow.port) }
      guard theirs.count == 1, theirs[0].bytes == flow.figures.bytes else {
        throw Failure(
          "agree with the receiver",
          reason: "it got \(theirs.first?.bytes ?? 0) of the \(flow.figures.bytes) bytes of flow "
            + "\(flow.index)")
      }
    }
    if peer.hasFailed {
      throw Failure(
        "have the flows accepted", reason: "the receiver found something wrong",
        hint: "it tells what on its own standard error")
    }
  }

  private func flow(from values: [Int]) throws(Failure) -> PeerReport.Flow {
    let (bytes, overflows) = values[1].addingReportingOverflow(values[2])
    let (total, overflowsToo) = bytes.addingReportingOverflow(values[3])
    guard !overflows, !overflowsToo, 0...1 ~= values[5] else {
      throw Failure(
        "understand the peer", errno: .protocolError, reason: "its figures are out of bounds")
    }
    return PeerReport.Flow(
      port: values[0], bytes: total, deviceBytes: values[1], linearBytes: values[2],
      plainBytes: values[3], fragments: values[4], wrongBytes: values[5] == 1 ? values[6] : nil)
  }
}
