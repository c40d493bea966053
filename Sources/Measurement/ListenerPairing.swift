// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Payload
internal import Sockets

/// The end that listens of what two ends agree on and report to each other: the receiver, unless the
/// one that calls wants to receive (`--reverse`), or both to do both (`--bidir`).
package final class ListenerPairing: Pairing {
  package let channel: ControlChannel
  package let agreement: Agreement
  /// Whether this end has announced that it listens: from then on it refuses nothing.
  private var isReady = false

  /// Agrees to a caller's offer, or refuses it, which ends the run. This comes before any change of
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
        "agree with the \(agreement.caller)", reason: refusal.reason(against: agreement),
        hint: "what this end's options leave open the \(agreement.caller) decides")
    }
  }

  /// Announces to the caller that this end listens.
  ///
  /// - Parameter port: Where for the flows that it sends; 0 where the caller knows.
  package func ready(at port: UInt16 = 0) throws(Failure) {
    try channel.send(PeerMessage(.ready, agreement.flows, Int(port)))
    isReady = true
  }

  /// Announces to the caller that this end will not listen, unless it does. Where that fails, the
  /// caller sees the end of the connection.
  package func refuse() {
    guard !isReady else { return }
    do throws(Failure) {
      try channel.send(PeerMessage(.refused, PeerMessage.Refusal.failure.rawValue))
    } catch {}
  }

  /// Waits until a caller that receives is ready for the flows it has connected.
  package func waitForCaller() throws(Failure) {
    guard try channel.receive(.ready) == [agreement.flows, 0] else {
      throw ControlChannel.violation("it is ready for another number of flows")
    }
  }
}
