// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The end that calls of what two ends agree on and report to each other: the sender, or the
/// receiver of flows that the other end is to send (`--reverse`).
package struct CallerPairing: Pairing {
  package let channel: ControlChannel
  package let agreement: Agreement

  /// Agrees with the end that listens, which then does so for the flows as well.
  package init(over channel: ControlChannel, on agreement: Agreement) throws(Failure) {
    self.channel = channel
    self.agreement = agreement
    try channel.greet()
    try channel.send(agreement.offer)
    let answer = try channel.receive()
    switch answer.verb {
    case .ready where answer.values[0] == agreement.flows: break
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
    try channel.send(PeerMessage(.ready, agreement.flows))
  }
}
