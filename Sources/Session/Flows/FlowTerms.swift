// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
package import Options
package import Payload
package import Throughput

/// What both ends of a measurement agree on.
package struct FlowTerms: Equatable, Sendable {
  package var flows: Int
  /// The period of the pattern that is sent; `nil` where nobody said.
  package var patternPeriod: Int?
  /// In seconds.
  package var duration: Int?
  package var bytesPerFlow: Int?

  package init(
    flows: Int, patternPeriod: Int? = nil, duration: Int? = nil, bytesPerFlow: Int? = nil
  ) {
    self.flows = flows
    self.patternPeriod = patternPeriod
    self.duration = duration
    self.bytesPerFlow = bytesPerFlow
  }

  /// Takes a peer's offer, if it is one that an `ncdevmem` makes.
  ///
  /// - Parameter values: Those of `PeerMessage.Verb.offer`.
  package init?(offer values: [Int]) {
    let (flows, period, duration, bytes) = (values[0], values[1], values[2], values[3])
    guard 1...Configuration.Measurement.flowLimit ~= flows, Pattern.periods ~= period,
      0...Configuration.Measurement.durationLimit ~= duration, (duration == 0) != (bytes == 0)
    else { return nil }
    self.init(
      flows: flows, patternPeriod: period, duration: duration == 0 ? nil : duration,
      bytesPerFlow: bytes == 0 ? nil : bytes)
  }

  /// The terms as an offer.
  package var offer: PeerMessage {
    PeerMessage(.offer, flows, patternPeriod ?? 0, duration ?? 0, bytesPerFlow ?? 0)
  }

  /// Why a receiver with a command line of its own cannot agree; `nil` if it can.
  package func refusal(
    by measurement: Configuration.Measurement, checking pattern: Pattern?
  ) -> PeerMessage.Refusal? {
    if let own = measurement.flows, own != flows { return .flows }
    if let threads = measurement.threads, threads > flows { return .flows }
    if let pattern, pattern.period != patternPeriod { return .pattern }
    if let own = measurement.duration?.wholeSeconds, own != duration { return .duration }
    return nil
  }
}

extension PeerMessage.Refusal {
  /// For the sender's user.
  var reason: String {
    switch self {
    case .flows: "the receiver wants another number of flows"
    case .pattern: "the receiver expects another pattern (-v)"
    case .duration: "the receiver wants another duration"
    case .failure: "the receiver could not get ready"
    }
  }

  /// For the receiver's user.
  func reason(against terms: FlowTerms) -> String {
    switch self {
    case .flows: "it offers \(terms.flows) flows"
    case .pattern: "it offers pattern \(terms.patternPeriod ?? 0)"
    case .duration: terms.duration.map { "it offers \($0) s" } ?? "it offers no duration"
    case .failure: "this end could not get ready"
    }
  }
}
