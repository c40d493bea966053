// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Measurement
package import Options
internal import Payload
package import Transfer

/// Whether a receiving run is what was asked for, of one stream or of many.
///
/// What ended the run counts first, then what came: the first rule that is broken is the failure.
/// The C tool (`ncdevmem.c`) is never stricter, unless `--allow-plain` asks for less.
package struct Verdict: Sendable {
  /// What was received of one stream.
  package struct Stream: Sendable {
    /// The number of a measured flow; `nil` for the only stream of a run.
    package var flow: Int?
    /// What was received.
    package var figures: FlowFigures
    /// How its last packet came.
    package var arrival: Arrival
    /// Whether the NIC wrote payload into the memory; `nil` where that is not known.
    package var wroteMemory: Bool?

    /// States what was received of a stream.
    package init(
      flow: Int? = nil, _ figures: FlowFigures, arrival: Arrival = .unknown,
      wroteMemory: Bool? = nil
    ) {
      self.flow = flow
      self.figures = figures
      self.arrival = arrival
      self.wroteMemory = wroteMemory
    }
  }

  /// Which RX queue packets of a stream come through, as far as the kernel knows it.
  package enum Arrival: Equatable, Sendable {
    /// One that is bound.
    case boundQueue(UInt32)
    /// One that is not.
    case otherQueue(UInt32)
    /// One whose binding the run itself ended before the stream's end (`-U`).
    case unboundQueue
    /// The driver does not report which NAPI instance serves which queue, or one serves several.
    case unknown

    /// Packets come through this queue, if any is known.
    package init(_ queue: UInt32?, among bound: Range<UInt32>) {
      self = queue.map { bound.contains($0) ? .boundQueue($0) : .otherQueue($0) } ?? .unknown
    }
  }

  /// What streams must be.
  package struct Demands: Sendable {
    /// What the command line asks for.
    package var checks: Configuration.Checks
    /// Whether the kernel must refuse to receive (`ENODEV`): in manual mode, after an unbind before
    /// the first payload, no binding is left that could keep the socket's tokens.
    package var mustBeRefused: Bool
    /// What received: of sockets, nothing comes through device memory.
    package var engine: Engine

    /// States what streams must be.
    package init(
      _ checks: Configuration.Checks, of engine: Engine = .devmem, mustBeRefused: Bool = false
    ) {
      self.engine = engine
      self.checks = checks
      self.mustBeRefused = mustBeRefused
    }
  }

  /// Why the run failed; `nil` if it is what was asked for.
  package private(set) var failure: Failure?

  /// Judges a run.
  ///
  /// - Parameter end: What ended it: the streams' end, a stop or a failure.
  package init(of end: Result<Void, Failure>, _ streams: [Stream], _ demands: Demands) {
    let total = streams.reduce(FlowFigures()) { $0 + $1.figures }
    let name = Self.name(of: streams)
    switch end {
    case .failure(let failure):
      if demands.mustBeRefused, failure.errno == .noDevice, total.bytes == 0 {
        self.failure = Self.failure(ofLength: total.bytes, called: name, demands.checks)
      } else {
        self.failure = Self.explained(failure, by: streams, demands.checks)
      }
    case .success:
      failure =
        Self.failure(of: total, called: name, demands)
        ?? streams.lazy.compactMap { Self.failure(of: $0, demands) }.first
        ?? Self.failure(ofTokens: total)
    }
  }

  /// With `-L` the receive loop ends at the first plain frame, and knows no queue. Why the frame is
  /// plain is added here.
  private static func explained(
    _ failure: Failure, by streams: [Stream], _ checks: Configuration.Checks
  ) -> Failure {
    guard checks.failsOnLinear, failure.kind == .failed, failure.errno == nil, failure.hint == nil,
      let plain = streams.first(where: { $0.figures.plainBytes > 0 })
    else { return failure }
    var failure = failure
    failure.hint = hint(onPlain: plain.arrival)
    return failure
  }

  /// Adds what the other end of a measurement found. What this end found comes first.
  package mutating func add(_ peers: Failure?) { failure = failure ?? peers }

  /// The exit status of the process.
  ///
  /// - Parameter signal: The signal that stopped the run, if one did.
  package func exitStatus(signal: CInt? = nil) -> Int32 {
    failure?.exitStatus(signal: signal) ?? 0
  }

  /// - Throws: Why the run failed.
  package func get() throws(Failure) {
    if let failure { throw failure }
  }
}

// The rules, in order.
extension Verdict {
  /// What all streams together must be.
  private static func failure(
    of total: FlowFigures, called name: String, _ demands: Demands
  ) -> Failure? {
    if demands.mustBeRefused {
      return Failure(
        "accept \(name)",
        reason: total.bytes > 0
          ? "\(total.bytes) bytes came although their binding was gone"
          : "it ended without payload, so that the kernel had nothing to refuse (ENODEV)",
        hint: total.bytes > 0 ? nil : "-U 1 with -a 0 needs a sender that sends something")
    }
    if total.wrongBytes > 0 {
      return Failure(
        "validate the payload", reason: "\(total.wrongBytes) of \(total.bytes) bytes are wrong",
        hint: hint(onWrong: total, demands.checks))
    }
    return failure(ofLength: total.bytes, called: name, demands.checks)
  }

  /// Where most bytes are wrong, the sender has most likely sent something else.
  private static func hint(onWrong total: FlowFigures, _ checks: Configuration.Checks) -> String? {
    guard let period = checks.pattern?.period, total.wrongBytes > total.checkedBytes / 2 else {
      return nil
    }
    return
      "-v \(period) expects bytes of the values 1 to \(period - 1), not digits, and a newline, "
      + "again and again: is that what the sender sends?"
  }

  /// What the length of all streams together must be.
  private static func failure(
    ofLength bytes: Int, called name: String, _ checks: Configuration.Checks
  ) -> Failure? {
    guard let expected = checks.expectedByteCount, bytes != expected else { return nil }
    return Failure("accept \(name)", reason: "\(bytes) bytes, not \(expected) (--expect-bytes)")
  }

  /// What each stream must be.
  private static func failure(of stream: Stream, _ demands: Demands) -> Failure? {
    let checks = demands.checks
    let bytes = stream.figures.bytes
    if checks.pattern != nil, bytes == 0 {
      let place = stream.flow.map { " of flow \($0)" } ?? ""
      return Failure("validate the payload", reason: "no payload\(place) was received")
    }
    guard !demands.engine.isSocket else { return nil }
    let operation = "accept \(stream.flow.map { "flow \($0)" } ?? "the stream")"
    let plain = stream.figures.plainBytes
    let isPlain = plain > 0
    if bytes > 0, stream.figures.deviceBytes == 0 {
      return Failure(
        operation, reason: "none of its \(bytes) bytes came through device memory",
        hint: isPlain ? hint(onPlain: stream.arrival) : "the NIC splits frames in the wrong place")
    }
    if stream.wroteMemory == false {
      return Failure(
        operation,
        reason: """
          \(stream.figures.deviceBytes) bytes were counted, but nothing was written to the memory
          """,
        hint: """
          an IOMMU drops what the NIC writes (see dmesg), or a bounce buffer (swiotlb) takes it
          """)
    }
    if isPlain, !checks.allowsPlain {
      return Failure(
        operation, reason: "\(plain) of \(bytes) bytes came outside of device memory",
        hint: hint(onPlain: stream.arrival) + "; --allow-plain takes them as they are")
    }
    return nil
  }

  /// Why payload came in plain frames: nothing else leaves a frame whole.
  private static func hint(onPlain arrival: Arrival) -> String {
    let split = "the NIC leaves frames whole there: see header split, and what the driver copies"
    let steering = "the flow rule is missing, or was lost"
    return switch arrival {
    case .boundQueue(let queue):
      "the flow comes through queue \(queue), which is bound: \(split)"
    case .otherQueue(let queue):
      "the flow comes through queue \(queue), which is not bound: \(steering)"
    case .unboundQueue:
      "with -U the binding ends before the stream: what the NIC receives later is plain"
    case .unknown:
      "either the flow comes through a queue that is not bound (\(steering)), or the NIC leaves "
        + "frames whole (see header split, and what the driver copies)"
    }
  }

  /// What the NIC must have back.
  private static func failure(ofTokens total: FlowFigures) -> Failure? {
    guard total.tokensOutstanding > 0 else { return nil }
    return Failure(
      "return all tokens", reason: "\(total.tokensOutstanding) of \(total.fragments) are out")
  }

  private static func name(of streams: [Stream]) -> String {
    streams.contains { $0.flow != nil } ? "the flows" : "the stream"
  }
}
