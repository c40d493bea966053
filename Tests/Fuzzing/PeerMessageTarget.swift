// SPDX-License-Identifier: GPL-2.0-only

import Measurement
import Payload

/// A line of the control connection: what is read is written the same, and all that is made of its
/// numbers is within bounds.
@Sendable func readPeerMessages(_ input: [UInt8]) throws(Finding) {
  let message: PeerMessage
  do throws(PeerMessage.Violation) {
    message = try PeerMessage(line: input)
  } catch { return }
  try require(Array(message.line.utf8) == input, "it is written as \(message.line)")
  switch message.verb {
  case .offer:
    guard let agreement = Agreement(offer: message.values) else { return }
    try require(agreement.offer == message, "it is offered again as \(agreement.offer.line)")
    _ = agreement.goal
    _ = (agreement.load, agreement.wholeDuration, agreement.connections)
    let options = MeasurementOptions()
    try require(
      agreement.refusal(by: options, checking: nil) == nil, "an end without a wish refuses it")
    _ = agreement.refusal(by: options, checking: Pattern(period: 7))
  case .sent, .received:
    let isSent = message.verb == .sent
    let flow = isSent ? PeerReport.Flow(sent: message.values) : .init(received: message.values)
    // As many as there can be, each with the largest sums.
    var report = PeerReport(.init(repeating: flow, count: MeasurementOptions.flowLimit))
    report.end(with: [0, 1, 0])
    _ = (report.bytes, report.measuredBytes, report.failure(for: []))
    _ = report.difference(from: [:])
  case .hello, .ready, .refused, .end: break
  }
}
