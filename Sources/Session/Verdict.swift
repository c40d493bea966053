// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Measurement
package import Options

/// Whether a receiving run is what was asked for, of one stream or of many.
///
/// What ended the run counts first, then what came: the first rule that is broken is the failure.
/// The C tool (`ncdevmem.c`) is never stricter, but for plain payload.
package struct Verdict: Sendable {
  /// What was received of one stream.
  package struct Stream: Sendable {
    /// The number of a measured flow; `nil` for the only stream of a run.
    package var flow: Int?
    /// What was received.
    package var figures: FlowFigures

    /// States what was received of a stream.
    package init(flow: Int? = nil, _ figures: FlowFigures) {
      self.flow = flow
      self.figures = figures
    }
  }

  /// What streams must be.
  package struct Demands: Sendable {
    /// What the command line asks for.
    package var checks: Configuration.Checks
    /// Whether the kernel must refuse to receive (`ENODEV`): in manual mode, after an unbind before
    /// the first payload, no binding is left that could keep the socket's tokens.
    package var mustBeRefused: Bool

    /// States what streams must be.
    package init(_ checks: Configuration.Checks, mustBeRefused: Bool = false) {
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
    switch end {
    case .failure(let failure):
      let isRefusal = demands.mustBeRefused && failure.errno == .noDevice && total.bytes == 0
      self.failure = isRefusal ? nil : failure
    case .success:
      failure =
        Self.failure(of: total, called: Self.name(of: streams), demands)
        ?? streams.lazy.compactMap { Self.failure(of: $0, demands.checks) }.first
        ?? Self.failure(ofTokens: total)
    }
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
    if demands.mustBeRefused, total.bytes > 0 {
      return Failure(
        "accept \(name)", reason: "\(total.bytes) bytes came although their binding was gone")
    }
    if total.wrongBytes > 0 {
      return Failure(
        "validate the payload", reason: "\(total.wrongBytes) of \(total.bytes) bytes are wrong")
    }
    if let expected = demands.checks.expectedByteCount, total.bytes != expected {
      return Failure(
        "accept \(name)", reason: "\(total.bytes) bytes, not \(expected) (--expect-bytes)")
    }
    return nil
  }

  /// What each stream must be.
  private static func failure(of stream: Stream, _ checks: Configuration.Checks) -> Failure? {
    let bytes = stream.figures.bytes
    if checks.pattern != nil, bytes == 0 {
      let place = stream.flow.map { " of flow \($0)" } ?? ""
      return Failure("validate the payload", reason: "no payload\(place) was received")
    }
    if bytes > 0, stream.figures.plainBytes == bytes {
      return Failure(
        "accept \(stream.flow.map { "flow \($0)" } ?? "the stream")",
        reason: "none of its \(bytes) bytes came through device memory",
        hint: "the flow is not steered to the bound queues")
    }
    return nil
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
