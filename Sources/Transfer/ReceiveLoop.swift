// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
package import Kernel
internal import Sockets
internal import Uring

/// Receives one stream by an engine: takes what waits, hands it to a sink in order and in place, and
/// has its memory given back.
package struct ReceiveLoop<
  Engine: ReceiveEngine & ~Copyable, Sink: PayloadSink & ~Copyable
>: ~Copyable {
  /// Takes what was done so far, now and then: whenever the loop looks for a stop, or waits.
  package typealias Report = (
    ReceiveStatistics, _ checkedBytes: Int, _ wrongBytes: Int?
  ) -> Void

  /// Where the payload goes.
  package var intake: Intake<Sink>
  private var engine: Engine
  private var silence: Silence
  private let report: Report?
  private var pace: ReceivePace
  private var falseStarts = FalseStarts()

  /// - Parameters:
  ///   - engine: What receives.
  ///   - intake: Where the payload goes.
  ///   - memorySize: The size of the memory that payload may take until it is received, in bytes.
  ///   - waitsForBatches: Whether a stream that runs is worth a short wait for more of it.
  ///   - silence: How long the connection may be silent.
  ///   - report: What `run` reports to; `nil` for nothing.
  package init(
    by engine: consuming Engine, into intake: consuming Intake<Sink>, memorySize: Int,
    waitsForBatches: Bool = true, silence: Silence = Silence(upTo: nil), report: Report? = nil
  ) {
    self.engine = engine
    self.intake = intake
    self.silence = silence
    self.report = report
    pace = ReceivePace(memorySize: memorySize, waitsForBatches: waitsForBatches)
  }

  /// What was done so far.
  package var statistics: ReceiveStatistics { intake.statistics }

  /// Receives until the stream ends, a stop comes or something fails. The memory of all that was
  /// received is given back in each case, as far as the kernel takes it.
  ///
  /// - Parameters:
  ///   - shared: What the engine needs besides the connection.
  ///   - pausing: Whether to return after the first payload; run again to continue.
  /// - Throws: A `Failure` of the kind `stopped` after a stop.
  // The compiler makes code for certain types only in the room that has the body, not in the room
  // that calls it: without these the loop costs twice the instructions for each fragment.
  @specialized(
    where Engine == DevmemEngine<Connection, SharedMemory>, Sink == ValidatingSink
  )
  @specialized(
    where Engine == DevmemEngine<Connection, SharedMemory>, Sink == GPUValidatingSink
  )
  @specialized(where Engine == DevmemEngine<Connection, SharedMemory>, Sink == OutputSink)
  @specialized(
    where Engine == ZeroCopyEngine<ZeroCopyRing, SharedMemory>, Sink == ValidatingSink
  )
  @specialized(where Engine == ZeroCopyEngine<ZeroCopyRing, SharedMemory>, Sink == OutputSink)
  @specialized(where Engine == SocketEngine<Connection>, Sink == ValidatingSink)
  @specialized(where Engine == SocketEngine<Connection>, Sink == OutputSink)
  package mutating func run(
    from source: borrowing Engine.Source, with shared: inout Engine.Shared, _ wait: Wait,
    pausing: Bool = false
  ) throws(Failure) -> ReceiveEnd {
    let end: ReceiveEnd
    do throws(Failure) {
      end = try receiveAll(from: source, with: &shared, wait, pausing: pausing)
    } catch {
      settle(with: source)
      throw error
    }
    try giveBack(to: source)
    return end
  }

  private mutating func receiveAll(
    from source: borrowing Engine.Source, with shared: inout Engine.Shared, _ wait: Wait,
    pausing: Bool
  ) throws(Failure) -> ReceiveEnd {
    let callsPerStopCheck = intake.trace == nil ? ReceiveLimits.callsPerStopCheck : 1
    var callsUntilStopCheck = callsPerStopCheck
    while true {
      switch try receive(from: source, with: &shared) {
      case .endOfStream:
        return .endOfStream
      case .bytes:
        if pausing { return .paused }
        callsUntilStopCheck -= 1
        guard callsUntilStopCheck == 0 else { continue }
        callsUntilStopCheck = callsPerStopCheck
        reportProgress()
        try wait.check("receive")
      case .nothing:
        // An idle connection must not keep memory from the NIC.
        try giveBack(to: source)
        reportProgress()
        try self.wait(for: source, with: shared, wait)
      }
    }
  }

  private func reportProgress() {
    report?(statistics, intake.sink.checkedByteCount, intake.sink.wrongByteCount)
  }

  /// Takes what one call has, without waiting: for a thread that serves several streams. Where
  /// nothing waits, sets what the next wait is for.
  @specialized(where Engine == DevmemEngine<Connection, SharedMemory>, Sink == MeasuredSink)
  @specialized(
    where Engine == DevmemEngine<Connection, SharedMemory>, Sink == GPUValidatingSink
  )
  @specialized(where Engine == ZeroCopyEngine<ZeroCopyRing, SharedMemory>, Sink == MeasuredSink)
  @specialized(where Engine == SocketEngine<Connection>, Sink == MeasuredSink)
  package mutating func step(
    from source: borrowing Engine.Source, with shared: inout Engine.Shared
  ) throws(Failure) -> ReceiveProgress {
    switch try receive(from: source, with: &shared) {
    case .bytes:
      return .more
    case .nothing:
      try giveBack(to: source)
      try prepareWait(for: source)
      return .nothing
    case .endOfStream:
      try giveBack(to: source)
      return .endOfStream
    }
  }

  private mutating func receive(
    from source: borrowing Engine.Source, with shared: inout Engine.Shared
  ) throws(Failure) -> ReceiveArrival {
    let arrival = try engine.receive(from: source, with: &shared, into: &intake)
    switch arrival {
    case .bytes(let count):
      falseStarts.end()
      pace.add(count)
    case .nothing:
      guard falseStarts.mayGoOn() else { throw Failure(toReceive: .tryAgain) }
    case .endOfStream: break
    }
    return arrival
  }

  /// Gives back the memory of what was received, after a failure. A further failure is not reported:
  /// the first one is.
  package mutating func settle(with source: borrowing Engine.Source) {
    do throws(Failure) { try giveBack(to: source) } catch {}
  }

  private mutating func giveBack(to source: borrowing Engine.Source) throws(Failure) {
    try engine.giveBack(to: source, counting: &intake.statistics)
  }
}

// Waiting.
extension ReceiveLoop where Engine: ~Copyable, Sink: ~Copyable {
  /// Whether payload came so fast that a batch of it is worth a short wait.
  package var isRunning: Bool { pace.isRunning }

  /// Notes that no batch came within `ReceivePace.batchWait`: the next wait is for less.
  package mutating func expectLess() { pace.stop() }

  /// Waits for data: while the stream runs, for a batch of it and at most `batchWait`; then for
  /// any.
  private mutating func wait(
    for source: borrowing Engine.Source, with shared: borrowing Engine.Shared, _ wait: Wait
  ) throws(Failure) {
    try prepareWait(for: source)
    let operation = "wait for data"
    let descriptor = engine.descriptor(of: source, with: shared)
    if pace.isRunning {
      let batchWait = ReceivePace.batchWait
      if try !wait.for(descriptor, within: batchWait, to: operation) { pace.stop() }
      return
    }
    while try !wait.for(descriptor, within: silence.limit, to: operation) {
      if silence.pass() { continue }
      throw silence.failure(before: " after \(statistics.totalBytes) bytes")
    }
    silence.end()
  }

  /// Sets how much must wait before a source counts as readable.
  private mutating func prepareWait(for source: borrowing Engine.Source) throws(Failure) {
    guard let threshold = pace.takeChange() else { return }
    try attempt("set how much to wait for") { () throws(Errno) in
      try engine.setReadableThreshold(threshold, of: source)
    }
  }
}

/// Why a receive loop ended that did not fail.
package enum ReceiveEnd: Equatable, Sendable {
  /// The peer closed the connection.
  case endOfStream
  /// The first payload is received, and the loop was to pause there.
  case paused
}

/// How one step of a receive loop ended.
package enum ReceiveProgress: Sendable {
  /// Payload, and perhaps there is more.
  case more
  /// All that waited is taken, and its memory is given back.
  case nothing
  /// The peer closed the connection, and all memory is given back.
  case endOfStream
}

/// Bounds of the loop.
private enum ReceiveLimits {
  /// Calls of the engine between two checks for a stop, while data keeps coming; 1 with a trace.
  static let callsPerStopCheck = 64
}
