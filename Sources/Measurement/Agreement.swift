// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
package import Payload

/// What both ends of a measurement agree on.
package struct Agreement: Equatable, Sendable {
  /// How many connections.
  package var flows: Int
  /// The period of the pattern that is sent; `nil` if not stated.
  package var patternPeriod: Int?
  /// How long to send, in whole seconds behind those left out; `nil` for as long as `bytesPerFlow`
  /// takes.
  package var duration: Duration?
  /// How many bytes each flow sends; `nil` for as many as fit the duration.
  package var bytesPerFlow: Int?
  /// How much time the figures leave out, from the start on, in whole seconds.
  package var omitted: Duration
  /// How the end that listens is to send; `nil` where it only receives.
  package var reverse: Reverse?
  /// Whether both ends send, to each other.
  package var isMutual = false
  /// What the flows exchange, where the time of that is what counts; `nil` for streams.
  package var exchange: Exchange?

  /// How the end that listens is to send, where the one that calls receives.
  package struct Reverse: Equatable, Sendable {
    /// Whether to send from host memory, and not from device memory.
    package var usesHostMemory = false
    /// The most bits that a flow sends a second; no limit if `nil`.
    package var bitsPerSecond: Int?
    /// The size of the pieces of a send, in bytes; one piece if `nil`.
    package var chunkSize: Int?

    /// How a load is sent.
    package init(_ load: Load, chunkSize: Int?) {
      usesHostMemory = load.usesHostMemory
      bitsPerSecond = load.bitsPerSecond
      self.chunkSize = chunkSize
    }

    /// - Parameter values: Those of an offer that are about it.
    fileprivate init(_ values: ArraySlice<Int>) {
      let values = Array(values)
      usesHostMemory = values[0] == 1
      bitsPerSecond = values[1] == 0 ? nil : values[1]
      chunkSize = values[2] == 0 ? nil : values[2]
    }
  }

  /// What the end that listens is, in a word.
  var listener: String { isMutual ? "peer" : reverse == nil ? "receiver" : "sender" }
  /// What the end that calls is, in a word.
  var caller: String { isMutual ? "peer" : reverse == nil ? "sender" : "receiver" }

  /// What both ends agree on.
  package init(
    flows: Int, patternPeriod: Int? = nil, duration: Duration? = nil, bytesPerFlow: Int? = nil,
    omitting omitted: Duration = .zero, reversed reverse: Reverse? = nil, isMutual: Bool = false
  ) {
    self.reverse = reverse
    self.isMutual = isMutual
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
    let isReversed = values[5] > 0
    guard isReversed || values[6..<9].allSatisfy({ $0 == 0 }) else { return nil }
    let (request, response, isMutual) = (values[9], values[10], values[5] == 2)
    // Exchanges have both messages, one direction, and end by time.
    guard (request == 0) == (response == 0), request == 0 || duration > 0 && !isMutual else {
      return nil
    }
    self.init(
      flows: flows, patternPeriod: period, duration: duration == 0 ? nil : .seconds(duration),
      bytesPerFlow: bytes == 0 ? nil : bytes, omitting: .seconds(values[4]),
      reversed: isReversed ? Reverse(values[6..<9]) : nil, isMutual: isMutual)
    if request > 0 { exchange = Exchange(request: request, response: response) }
  }

  /// The same as an offer.
  package var offer: PeerMessage {
    PeerMessage(
      .offer, flows, patternPeriod ?? 0, Int(duration?.components.seconds ?? 0), bytesPerFlow ?? 0,
      Int(omitted.components.seconds), reverse == nil ? 0 : isMutual ? 2 : 1,
      reverse?.usesHostMemory == true ? 1 : 0, reverse?.bitsPerSecond ?? 0,
      reverse?.chunkSize ?? 0, exchange?.request ?? 0, exchange?.response ?? 0)
  }

  /// How many connections either end has in all.
  package var connections: Int { isMutual ? 2 * flows : flows }

  /// How long to send, what is left out included; `nil` for as long as `bytesPerFlow` takes.
  package var wholeDuration: Duration? { duration.map { omitted + $0 } }

  /// What the end that calls proposes.
  ///
  /// - Parameters:
  ///   - reverse: How the other end is to send; `nil` where only this one does.
  ///   - isMutual: Whether both do.
  package init(
    _ load: Load, _ options: MeasurementOptions, reversed reverse: Reverse? = nil,
    isMutual: Bool = false
  ) {
    self.init(
      flows: options.flows ?? 1, patternPeriod: load.pattern.period, duration: options.duration,
      bytesPerFlow: load.bytesPerFlow, omitting: options.omitted ?? .zero, reversed: reverse,
      isMutual: isMutual)
    exchange = options.exchange
  }

  /// What each flow sends.
  package var load: Load {
    var load = Load()
    load.bytesPerFlow = bytesPerFlow
    if let pattern = patternPeriod.flatMap(Pattern.init(period:)) { load.pattern = pattern }
    load.bitsPerSecond = reverse?.bitsPerSecond
    load.usesHostMemory = reverse?.usesHostMemory ?? false
    return load
  }

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
    if reverse == nil || isMutual, let threads = options.threads, threads > flows { return .flows }
    if let pattern, pattern.period != patternPeriod { return .pattern }
    if let own = options.duration, own != duration { return .duration }
    if let own = options.omitted, own != omitted { return .omission }
    return nil
  }
}

extension PeerMessage.Refusal {
  /// For the caller's user.
  ///
  /// - Parameter listener: What the other end is.
  func reason(of listener: String) -> String {
    switch self {
    case .flows: "the \(listener) wants another number of flows"
    case .pattern: "the \(listener) expects another pattern (-v)"
    case .duration: "the \(listener) wants another duration"
    case .failure: "the \(listener) could not get ready"
    case .omission: "the \(listener) wants to leave out another time (--omit)"
    }
  }

  /// For the listener's user.
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
