// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The end that calls of what two ends agree on and report to each other: the sender, the receiver of
/// flows that the other end is to send (`--reverse`), or both (`--bidir`).
package struct CallerPairing: Pairing {
  package let channel: ControlChannel
  package let agreement: Agreement
  /// Where the other end listens for the flows that it is to send; `nil` where this end knows.
  package let flowPort: UInt16?

  /// Agrees with the end that listens, which then does so for the flows as well.
  package init(over channel: ControlChannel, on agreement: Agreement) throws(Failure) {
    self.channel = channel
    self.agreement = agreement
    try channel.greet()
    try channel.send(agreement.offer)
    let answer = try channel.receive()
    switch answer.verb {
    case .ready where answer.values[0] == agreement.flows:
      flowPort = answer.values[1] == 0 ? nil : UInt16(answer.values[1])
    case .refused:
      let reason = PeerMessage.Refusal(rawValue: answer.values[0])?.reason(of: agreement.listener)
      throw Failure("agree with the \(agreement.listener)", reason: reason ?? "it does not say why")
    default:
      throw Failure(
        "understand the peer", errno: .protocolError, reason: "it said \(answer.line)")
    }
  }

  /// Announces that this end has connected all flows and is ready to receive them.
  package func ready() throws(Failure) {
    try channel.send(PeerMessage(.ready, agreement.flows, 0))
  }
}
