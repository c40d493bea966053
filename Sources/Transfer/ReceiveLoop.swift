// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
internal import Glibc
package import Kernel
package import Sockets

/// Receives one stream through a binding: takes what waits, hands it to a sink in order and in
/// place, and gives the fragments back to the NIC.
package struct ReceiveLoop<Sink: PayloadSink & ~Copyable>: ~Copyable {
  /// Takes each fragment, and the stream's length with it, before the sink does.
  package typealias Trace = (Fragment, _ totalBytes: Int) -> Void

  /// Takes what was done so far, now and then: whenever the loop looks for a stop, or waits.
  package typealias Report = (
    ReceiveStatistics, _ checkedBytes: Int, _ wrongBytes: Int?
  ) -> Void

  /// Why a loop ended that did not fail.
  package enum End: Equatable, Sendable {
    /// The peer closed the connection.
    case endOfStream
    /// The first payload is received, and the loop was to pause there.
    case paused
  }

  /// Where the payload goes.
  package var sink: Sink
  /// What was done so far.
  package private(set) var statistics = ReceiveStatistics()

  /// The binding that fragments must come through.
  private let binding: UInt32
  /// Whether payload outside of device memory, linear or plain, is an error.
  private let failsOnLinear: Bool
  private var silence: Silence
  /// What sees each fragment from the next call on; `nil` for nothing.
  package var trace: Trace?
  private let report: Report?
  /// Whether a token is the number of a page of the dma-buf, as in manual mode.
  private let tokensArePages: Bool
  private var tokens = TokenBatch()
  private var pace: ReceivePace
  private var falseStarts = FalseStarts()

  /// - Parameters:
  ///   - binding: The id of the binding that fragments must come through.
  ///   - memorySize: The size of the bound memory that the stream may use, in bytes.
  ///   - failsOnLinear: Whether payload outside of device memory, linear or plain, is an error.
  ///   - tokensArePages: Whether a token is the number of a page of the dma-buf, as in manual mode.
  ///   - waitsForBatches: Whether a stream that runs is worth a short wait for more of it.
  ///   - silence: How long the connection may be silent.
  ///   - trace: What sees each fragment; `nil` for nothing.
  ///   - report: What `run` reports to; `nil` for nothing.
  package init(
    into sink: consuming Sink, through binding: UInt32, memorySize: Int,
    failsOnLinear: Bool = false, tokensArePages: Bool = false,
    waitsForBatches: Bool = true, silence: Silence = Silence(upTo: nil),
    trace: Trace? = nil, report: Report? = nil
  ) {
    self.sink = sink
    self.binding = binding
    self.failsOnLinear = failsOnLinear
    self.silence = silence
    self.trace = trace
    self.report = report
    self.tokensArePages = tokensArePages
    pace = ReceivePace(memorySize: memorySize, waitsForBatches: waitsForBatches)
  }

  /// Receives until the stream ends, a stop comes or something fails. The tokens of every fragment
  /// received are returned in each case, as far as the kernel takes them.
  ///
  /// - Parameter pausing: Whether to return after the first payload; run again to continue.
  /// - Throws: A `Failure` of the kind `stopped` after a stop.
  // The compiler makes code for certain types only in the room that has the body, not in the room
  // that calls it: without these the loop costs twice the instructions for each fragment.
  @specialized(where Sink == ValidatingSink, Source == Connection, Memory == DeviceBuffer)
  @specialized(where Sink == GPUValidatingSink, Source == Connection, Memory == DeviceBuffer)
  @specialized(where Sink == OutputSink, Source == Connection, Memory == DeviceBuffer)
  package mutating func run<
    Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable
  >(
    from source: borrowing Source, in memory: borrowing Memory, _ wait: Wait, pausing: Bool = false
  ) throws(Failure) -> End {
    let end: End
    do throws(Failure) {
      end = try receiveAll(from: source, in: memory, wait, pausing: pausing)
    } catch {
      settle(with: source)
      throw error
    }
    try returnTokens(to: source)
    return end
  }

  private mutating func receiveAll(
    from source: borrowing some DevmemSource & ~Copyable,
    in memory: borrowing some ReadableMemory & ~Copyable, _ wait: Wait, pausing: Bool
  ) throws(Failure) -> End {
    var frame = ReceiveFrame()
    let callsPerStopCheck = trace == nil ? ReceiveLimits.callsPerStopCheck : 1
    var callsUntilStopCheck = callsPerStopCheck
    while true {
      switch try receive(from: source, into: &frame) {
      case .endOfStream:
        return .endOfStream
      case .bytes(let count):
        try deliver(count, of: frame, from: source, in: memory)
        if pausing { return .paused }
        callsUntilStopCheck -= 1
        guard callsUntilStopCheck == 0 else { continue }
        callsUntilStopCheck = callsPerStopCheck
        reportProgress()
        try wait.check("receive")
      case .nothing:
        // An idle connection must not keep memory from the NIC.
        try returnTokens(to: source)
        reportProgress()
        try self.wait(for: source, wait)
      }
    }
  }

  private func reportProgress() {
    report?(statistics, sink.checkedByteCount, sink.wrongByteCount)
  }

  /// Takes what one call of `recvmsg` has, without waiting: for a thread that serves several
  /// streams. Where nothing waits, sets what the next wait is for.
  @specialized(where Sink == MeasuredSink, Source == Connection, Memory == DeviceBuffer)
  @specialized(where Sink == GPUValidatingSink, Source == Connection, Memory == DeviceBuffer)
  package mutating func step<
    Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable
  >(
    from source: borrowing Source, into frame: inout ReceiveFrame, in memory: borrowing Memory
  ) throws(Failure) -> ReceiveProgress {
    switch try receive(from: source, into: &frame) {
    case .bytes(let count):
      try deliver(count, of: frame, from: source, in: memory)
      return .more
    case .nothing:
      try returnTokens(to: source)
      try prepareWait(for: source)
      return .nothing
    case .endOfStream:
      try returnTokens(to: source)
      return .endOfStream
    }
  }
}

// Waiting.
extension ReceiveLoop where Sink: ~Copyable {
  /// Whether payload came so fast that a batch of it is worth a short wait.
  package var isRunning: Bool { pace.isRunning }

  /// Notes that no batch came within `ReceivePace.batchWait`: the next wait is for less.
  package mutating func expectLess() { pace.stop() }

  /// Waits for data: while the stream runs, for a batch of it and at most `batchWait`; then for
  /// any.
  private mutating func wait(
    for source: borrowing some DevmemSource & ~Copyable, _ wait: Wait
  ) throws(Failure) {
    try prepareWait(for: source)
    let operation = "wait for data"
    if pace.isRunning {
      let batchWait = ReceivePace.batchWait
      if try !wait.for(source.descriptor, within: batchWait, to: operation) { pace.stop() }
      return
    }
    while try !wait.for(source.descriptor, within: silence.limit, to: operation) {
      if silence.pass() { continue }
      throw silence.failure(before: " after \(statistics.totalBytes) bytes")
    }
    silence.end()
  }

  /// Sets how much must wait before a source counts as readable.
  private mutating func prepareWait(
    for source: borrowing some DevmemSource & ~Copyable
  ) throws(Failure) {
    guard let threshold = pace.takeChange() else { return }
    try attempt("set how much to wait for") { () throws(Errno) in
      try source.setReadableThreshold(threshold)
    }
  }
}

// Receiving.
extension ReceiveLoop where Sink: ~Copyable {
  /// One `recvmsg`, repeated a bounded number of times where that can help.
  private mutating func receive(
    from source: borrowing some DevmemSource & ~Copyable, into frame: inout ReceiveFrame
  ) throws(Failure) -> ReceiveArrival {
    var last = Errno.outOfMemory
    for _ in 0..<ReceiveLimits.tries {
      do throws(Errno) {
        let count = try source.receive(into: &frame)
        falseStarts.end()
        return count > 0 ? .bytes(count) : .endOfStream
      } catch {
        last = error
      }
      switch last {
      case .tryAgain:
        guard falseStarts.mayGoOn() else { throw Failure(toReceive: last) }
        return .nothing
      case .tooSmall:
        guard frame.growControl() else { throw Failure(toReceive: last) }
      case .outOfMemory:
        // The kernel found no room for the tokens of what waits.
        try returnTokens(to: source)
        pause(for: ReceiveLimits.pause)
      default:
        throw Failure(toReceive: last)
      }
    }
    throw Failure(toReceive: last)
  }
}

// Delivering.
extension ReceiveLoop where Sink: ~Copyable {
  /// Hands on what one call received and gathers its tokens.
  private mutating func deliver(
    _ count: Int, of frame: borrowing ReceiveFrame,
    from source: borrowing some DevmemSource & ~Copyable,
    in memory: borrowing some ReadableMemory & ~Copyable
  ) throws(Failure) {
    guard !frame.isTruncated else {
      var messages = frame.controlMessages
      gatherRest(of: &messages, from: source)
      throw Failure("receive", reason: "the kernel cut control messages short (MSG_CTRUNC)")
    }
    statistics.receiveCalls += 1
    pace.add(count)
    if frame.controlMessages.isEmpty {
      statistics.plainBytes += count
      guard !failsOnLinear else {
        // Whoever knows the queues says why.
        throw Failure(
          "receive",
          reason: "\(count) payload bytes came in plain frames (-L, --fail-on-linear)")
      }
      try sink.take(frame.payload(count), from: .plain)
      return try sink.release()
    }
    let described = try deliver(frame, from: source, in: memory)
    guard described == count else {
      throw Failure(
        "receive",
        reason: "recvmsg returned \(count) bytes, its control messages describe \(described)")
    }
  }

  /// Hands on what a frame's control messages describe.
  ///
  /// - Returns: How many bytes that is.
  private mutating func deliver(
    _ frame: borrowing ReceiveFrame, from source: borrowing some DevmemSource & ~Copyable,
    in memory: borrowing some ReadableMemory & ~Copyable
  ) throws(Failure) -> Int {
    guard sink.readsPayload else { return try deliver(frame, from: source, of: memory.bytes) }
    var isReadable = false
    do throws(Failure) {
      let range = rangeToRead(frame.controlMessages, in: memory)
      return try memory.reading(range) { bytes throws(Failure) in
        isReadable = true
        return try deliver(frame, from: source, of: bytes)
      }
    } catch {
      if !isReadable {
        var messages = frame.controlMessages
        gatherRest(of: &messages, from: source)
      }
      throw error
    }
  }

  /// Hands on what a frame's control messages describe. After a failure the tokens of the rest are
  /// gathered: nothing else would return them.
  private mutating func deliver(
    _ frame: borrowing ReceiveFrame, from source: borrowing some DevmemSource & ~Copyable,
    of bytes: RawSpan
  ) throws(Failure) -> Int {
    var messages = frame.controlMessages
    do throws(Failure) {
      let described = try deliver(&messages, of: frame, from: source, of: bytes)
      try sink.release()
      return described
    } catch {
      gatherRest(of: &messages, from: source)
      throw error
    }
  }

  private mutating func deliver(
    _ messages: inout ControlMessages, of frame: borrowing ReceiveFrame,
    from source: borrowing some DevmemSource & ~Copyable, of bytes: RawSpan
  ) throws(Failure) -> Int {
    var described = 0
    var linear = 0
    while let message = messages.next() {
      switch message {
      case .fragment(let fragment):
        try gather(fragment.token, from: source)
        try take(fragment, of: bytes)
        // What recvmsg can return at all does not overflow, here or in the counts below.
        described &+= Int(fragment.size)
      case .linear(let size):
        try take(linear: Int(size), of: frame, at: linear)
        linear &+= Int(size)
        described &+= Int(size)
      case .other:
        continue
      case .malformed:
        throw Failure("receive", reason: "the kernel sent a malformed control message")
      }
    }
    return described
  }

  @inline(__always)
  private mutating func take(_ fragment: Fragment, of bytes: RawSpan) throws(Failure) {
    let size = Int(fragment.size)
    guard fragment.binding == binding, let offset = Int(exactly: fragment.offset),
      offset <= bytes.byteCount - size
    else { throw refusal(of: fragment) }
    if let trace { trace(fragment, statistics.totalBytes + size) }
    try sink.take(
      // Within: the guard above.
      unsafe bytes.extracting(unchecked: offset..<offset &+ size),
      from: .fragment(fragment, index: statistics.fragments))
    statistics.fragments &+= 1
    statistics.deviceBytes &+= size
  }

  private mutating func take(
    linear size: Int, of frame: borrowing ReceiveFrame, at offset: Int
  ) throws(Failure) {
    guard offset + size <= ReceiveFrame.payloadCapacity else {
      throw Failure("receive", reason: "linear bytes beyond the buffer")
    }
    if failsOnLinear {
      throw Failure(
        "receive", reason: "\(size) payload bytes stayed in host memory (-L, --fail-on-linear)",
        hint: "the NIC split header and payload in the wrong place")
    }
    statistics.linearBytes += size
    let bytes = frame.payload(offset + size).extracting(droppingFirst: offset)
    try sink.take(bytes, from: .linear)
  }

  /// Which range of a memory to read after one call of `recvmsg`.
  ///
  /// Mapped memory is read as a whole. Of other memory, one range holds all fragments: a page pool
  /// hands out its lowest memory first, so that fragments lie close together, and the start of a
  /// copy costs more than some bytes in between.
  ///
  /// - Returns: A range within the memory. Fragments outside of the memory are refused later.
  private func rangeToRead(
    _ messages: consuming ControlMessages, in memory: borrowing some ReadableMemory & ~Copyable
  ) -> Range<Int> {
    let byteCount = memory.bytes.byteCount
    if memory.isMapped { return 0..<byteCount }
    var low = byteCount
    var high = 0
    while let message = messages.next() {
      guard case .fragment(let fragment) = message, fragment.binding == binding,
        let start = Int(exactly: fragment.offset), start <= byteCount - Int(fragment.size)
      else { continue }
      low = min(low, start)
      high = max(high, start + Int(fragment.size))
    }
    return low < high ? low..<high : 0..<0
  }

  /// Why a fragment is not taken: it is another binding's, or not within the dma-buf.
  @inline(never)
  private func refusal(of fragment: Fragment) -> Failure {
    guard fragment.binding == binding else {
      return Failure(
        "receive", on: "fragment \(statistics.fragments)",
        reason: "it came through binding \(fragment.binding), not \(binding)",
        hint: "another program's binding gets this flow: check the flow rules")
    }
    return Failure(
      "receive", on: "fragment \(statistics.fragments)",
      reason: "\(fragment.size) bytes at \(fragment.offset) are not within the dma-buf")
  }
}

// Returning.
extension ReceiveLoop where Sink: ~Copyable {
  /// Gathers a token, after making room for it where there is none.
  @inline(__always)
  private mutating func gather(
    _ token: UInt32, from source: borrowing some DevmemSource & ~Copyable
  ) throws(Failure) {
    if tokens.append(token) { return }
    try makeRoom(for: token, from: source)
  }

  @inline(never)
  private mutating func makeRoom(
    for token: UInt32, from source: borrowing some DevmemSource & ~Copyable
  ) throws(Failure) {
    try sink.release()
    try returnTokens(to: source)
    _ = tokens.append(token)
  }

  /// Gathers the tokens that a failure left. A further failure is not reported: the first one is.
  @inline(never)
  private mutating func gatherRest(
    of messages: inout ControlMessages, from source: borrowing some DevmemSource & ~Copyable
  ) {
    while let message = messages.next() {
      guard case .fragment(let fragment) = message, !tokens.append(fragment.token) else { continue }
      settle(with: source)
      _ = tokens.append(fragment.token)
    }
  }

  /// Returns the tokens gathered so far, after a failure. A further failure is not reported: the
  /// first one is.
  package mutating func settle(with source: borrowing some DevmemSource & ~Copyable) {
    do throws(Failure) { try returnTokens(to: source) } catch {}
  }

  /// Returns the tokens gathered so far.
  private mutating func returnTokens(
    to source: borrowing some DevmemSource & ~Copyable
  ) throws(Failure) {
    guard !tokens.isEmpty else { return }
    let expected = tokens.fragmentCount
    let failed: TokenReturn
    do throws(Errno) {
      let freed = try source.returnTokens(tokens.ranges)
      // The kernel skips tokens that it does not know: the count is the only sign of it.
      guard freed != expected else {
        tokens.removeAll()
        statistics.returnCalls += 1
        statistics.tokensReturned += freed
        return
      }
      failed = TokenReturn(
        freed: freed, of: tokens, before: statistics.fragments, arePages: tokensArePages)
    } catch {
      failed = TokenReturn(
        refused: error, tokens, to: source, before: statistics.fragments, arePages: tokensArePages)
    }
    tokens.removeAll()
    statistics.returnCalls += failed.calls
    statistics.tokensReturned += failed.freed
    throw failed.failure
  }
}

/// How one step of a receive loop ended.
package enum ReceiveProgress: Sendable {
  /// Payload, and perhaps there is more.
  case more
  /// All that waited is taken, and its tokens are returned.
  case nothing
  /// The peer closed the connection, and all tokens are returned.
  case endOfStream
}

/// The result of one call of `recvmsg`.
private enum ReceiveArrival {
  case bytes(Int)
  case nothing
  case endOfStream
}

/// Bounds of the loop.
private enum ReceiveLimits {
  /// Calls of `recvmsg` between two checks for a stop, while data keeps coming; 1 with a trace.
  static let callsPerStopCheck = 64
  /// Tries of a `recvmsg` that may yet succeed.
  static let tries = 10
  /// The pause before the next try, where the kernel lacked memory.
  static let pause = Duration.milliseconds(20)
}
