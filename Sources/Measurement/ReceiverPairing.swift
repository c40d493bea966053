// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Payload
internal import Sockets

/// The receiving end of what two ends agree on and report to each other.
package final class ReceiverPairing {
  /// The control connection.
  package let channel: ControlChannel
  /// What was agreed on.
  package let agreement: Agreement
  /// Whether this end has announced that it listens: from then on it refuses nothing.
  private var isReady = false

  /// Agrees to a sender's offer, or refuses it, which ends the run. This comes before any change of
  /// the NIC, which must not steer the control connection with the flows.
  package init(
    over channel: ControlChannel, on agreement: Agreement, as options: MeasurementOptions,
    checking pattern: Pattern?
  ) throws(Failure) {
    self.channel = channel
    self.agreement = agreement
    if let refusal = agreement.refusal(by: options, checking: pattern) {
      try channel.send(PeerMessage(.refused, refusal.rawValue))
      throw Failure(
        "agree with the sender", reason: refusal.reason(against: agreement),
        hint: "what this end's options leave open the sender decides")
    }
  }

  /// Announces to the sender that this end listens.
  package func ready() throws(Failure) {
    try channel.send(PeerMessage(.ready, agreement.flows))
    isReady = true
  }

  /// Announces to the sender that this end will not listen, unless it does. Where that fails, the
  /// sender sees the end of the connection.
  package func refuse() {
    guard !isReady else { return }
    do throws(Failure) {
      try channel.send(PeerMessage(.refused, PeerMessage.Refusal.failure.rawValue))
    } catch {}
  }

  /// What was received of a flow.
  package struct Received: Equatable, Sendable {
    /// What was received, the warm-up's part included.
    package let figures: FlowFigures
    /// How many bytes of it are of the warm-up.
    package let omittedBytes: Int
    /// Packets that came before an earlier one.
    package let outOfOrderPackets: Int

    /// What was received of a flow.
    package init(_ figures: FlowFigures, omittedBytes: Int = 0, outOfOrderPackets: Int = 0) {
      self.figures = figures
      self.omittedBytes = omittedBytes
      self.outOfOrderPackets = outOfOrderPackets
    }

    fileprivate func message(from port: UInt16, isChecked: Bool) -> PeerMessage {
      PeerMessage(
        .received, Int(port), figures.deviceBytes, figures.linearBytes, figures.plainBytes,
        figures.fragments, omittedBytes, isChecked ? 1 : 0, figures.checkedBytes,
        figures.wrongBytes, outOfOrderPackets)
    }
  }

  /// Reads what was sent, and reports what was received.
  ///
  /// - Parameters:
  ///   - received: By the port that each flow came from. All come from the address of the control
  ///     connection, or they were not taken.
  ///   - hasFailed: Whether this end has found something wrong so far.
  /// - Returns: What the sender reports of each flow.
  /// - Throws: Where the two do not agree.
  package func exchange(
    _ received: [UInt16: Received], in duration: Duration, isChecked: Bool, hasFailed: Bool
  ) throws(Failure) -> PeerReport {
    let report = try hear()
    let difference = Self.difference(between: report, and: received)
    for (port, flow) in received.sorted(by: { $0.key < $1.key }) {
      try channel.send(flow.message(from: port, isChecked: isChecked))
    }
    let fails = hasFailed || difference != nil
    try channel.send(PeerMessage(.end, fails ? 1 : 0, Int(duration.nanoseconds)))
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

  /// How a sender's report differs from what was received; `nil` if it does not.
  package static func difference(
    between report: PeerReport, and received: [UInt16: Received]
  ) -> String? {
    for flow in report.flows {
      guard let port = UInt16(exactly: flow.port), let figures = received[port]?.figures
      else {
        return "it reports a flow from port \(flow.port)"
      }
      guard flow.bytes == figures.bytes else {
        return "it sent \(flow.bytes) bytes from port \(port), and \(figures.bytes) came"
      }
    }
    let isDuplicate = Set(report.flows.map(\.port)).count < report.flows.count
    return isDuplicate ? "it reports a flow twice" : nil
  }
}
