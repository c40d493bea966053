// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
package import Payload

/// What both ends of a measurement agree on.
package struct Agreement: Equatable, Sendable {
  /// How many connections.
  package var flows: Int
  /// The period of the pattern that is sent; `nil` if not stated.
  package var patternPeriod: Int?
  /// How long to send, in whole seconds behind those left out; `nil` for as long as `bytesPerFlow` takes.
  package var duration: Duration?
  /// How many bytes each flow sends; `nil` for as many as fit the duration.
  package var bytesPerFlow: Int?
  /// How much time the figures leave out, from the start on, in whole seconds.
  package var omitted: Duration

  /// What both ends agree on.
  package init(
    flows: Int, patternPeriod: Int? = nil, duration: Duration? = nil, bytesPerFlow: Int? = nil,
    omitting omitted: Duration = .zero
  ) {
    self.omitted = omitted
    self.flows = flows
    self.patternPeriod = patternPeriod
    self.duration = duration
    self.bytesPerFlow = bytesPerFlow
  }

  /// Takes a peer's offer, if it is one that an `ncdevmem` makes: of a duration or of a length.
  ///
  /// - Parameter values: Those of `PeerMessage.Verb.offer`, each in its range.
  package init?(offer values: [Int]) {
    let (flows, period, duration, bytes) = (values[0], values[1], values[2], values[3])
    guard (duration == 0) != (bytes == 0) else { return nil }
    self.init(
      flows: flows, patternPeriod: period, duration: duration == 0 ? nil : .seconds(duration),
      bytesPerFlow: bytes == 0 ? nil : bytes, omitting: .seconds(values[4]))
  }

  /// The same as an offer.
  package var offer: PeerMessage {
    PeerMessage(
      .offer, flows, patternPeriod ?? 0, Int(duration?.components.seconds ?? 0), bytesPerFlow ?? 0,
      Int(omitted.components.seconds))
  }

  /// How long to send, what is left out included; `nil` for as long as `bytesPerFlow` takes.
  package var wholeDuration: Duration? { duration.map { omitted + $0 } }

  /// When the flows end.
  package var goal: TransferProgress.Goal {
    let (bytes, overflows) = (bytesPerFlow ?? 0).multipliedReportingOverflow(by: flows)
    return TransferProgress.Goal(
      bytes: bytesPerFlow == nil || overflows ? nil : bytes, duration: wholeDuration)
  }

  /// Why a receiver with a command line of its own cannot agree; `nil` if it can.
  package func refusal(
    by options: MeasurementOptions, checking pattern: Pattern?
  ) -> PeerMessage.Refusal? {
    if let own = options.flows, own != flows { return .flows }
    if let threads = options.threads, threads > flows { return .flows }
    if let pattern, pattern.period != patternPeriod { return .pattern }
    if let own = options.duration, own != duration { return .duration }
    if let own = options.omitted, own != omitted { return .omission }
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
    case .omission: "the receiver wants to leave out another time (--omit)"
    }
  }

  /// For the receiver's user.
  func reason(against offer: Agreement) -> String {
    switch self {
    case .flows: "it offers \(offer.flows) flows"
    case .pattern: "it offers pattern \(offer.patternPeriod ?? 0)"
    case .duration:
      offer.duration.map { "it offers \($0.components.seconds) s" } ?? "it offers no duration"
    case .failure: "this end could not get ready"
    case .omission: "it leaves out \(offer.omitted.components.seconds) s"
    }
  }
}
