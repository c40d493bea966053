// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import DeviceMemory
internal import Glibc
package import Kernel
package import Sockets

/// What the streams of a thread use in turn to receive through a binding.
package struct DevmemShared<Memory: ReadableMemory & ~Copyable>: ~Copyable {
  /// What the binding has bound.
  package let memory: Memory
  /// What each call fills.
  package var frame: ReceiveFrame

  /// - Parameter frame: What each call fills.
  package init(_ memory: consuming Memory, frame: consuming ReceiveFrame = ReceiveFrame()) {
    self.memory = memory
    self.frame = frame
  }
}

/// Receives a stream through a binding: the NIC writes the payload to device memory, each call of
/// `recvmsg` says where, and tokens give the fragments back to the NIC.
package struct DevmemEngine<
  Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable
>: ReceiveEngine, ~Copyable {
  package typealias Shared = DevmemShared<Memory>

  /// The binding that fragments must come through.
  private let binding: UInt32
  /// Whether payload outside of device memory, linear or plain, is an error.
  private let failsOnLinear: Bool
  /// Whether a token is the number of a page of the dma-buf, as in manual mode.
  private let tokensArePages: Bool
  private var tokens = TokenBatch()

  /// - Parameters:
  ///   - binding: The id of the binding that fragments must come through.
  ///   - failsOnLinear: Whether payload outside of device memory, linear or plain, is an error.
  ///   - tokensArePages: Whether a token is the number of a page of the dma-buf, as in manual mode.
  package init(through binding: UInt32, failsOnLinear: Bool = false, tokensArePages: Bool = false) {
    self.binding = binding
    self.failsOnLinear = failsOnLinear
    self.tokensArePages = tokensArePages
  }

  package func setReadableThreshold(_ bytes: Int, of source: borrowing Source) throws(Errno) {
    try source.setReadableThreshold(bytes)
  }

  package func descriptor(of source: borrowing Source, with shared: borrowing Shared) -> Descriptor
  {
    source.descriptor
  }
}

// Receiving.
extension DevmemEngine where Source: ~Copyable, Memory: ~Copyable {
  package mutating func receive<Sink: PayloadSink & ~Copyable>(
    from source: borrowing Source, with shared: inout Shared, into intake: inout Intake<Sink>
  ) throws(Failure) -> ReceiveArrival {
    guard let count = try receive(from: source, into: &shared.frame, for: &intake) else {
      return .nothing
    }
    guard count > 0 else { return .endOfStream }
    try deliver(count, of: shared, from: source, into: &intake)
    return .bytes(count)
  }

  /// One `recvmsg`, repeated a bounded number of times where that can help.
  ///
  /// - Returns: How many bytes it received; `nil` if nothing waits.
  private mutating func receive(
    from source: borrowing Source, into frame: inout ReceiveFrame,
    for intake: inout Intake<some PayloadSink & ~Copyable>
  ) throws(Failure) -> Int? {
    var tries = 0
    while true {
      let error: Errno
      do throws(Errno) {
        return try source.receive(into: &frame)
      } catch let refusal {
        error = refusal
      }
      tries += 1
      switch error {
      case .tryAgain:
        return nil
      case .tooSmall where tries < Retries.limit && frame.growControl():
        continue
      case .outOfMemory where tries < Retries.limit:
        // The kernel found no room for the tokens of what waits.
        try giveBack(to: source, counting: &intake.statistics)
        pause(for: Retries.pause)
      default:
        throw Failure(toReceive: error)
      }
    }
  }
}

// Delivering.
extension DevmemEngine where Source: ~Copyable, Memory: ~Copyable {
  /// Hands on what one call received and gathers its tokens.
  private mutating func deliver<Sink: PayloadSink & ~Copyable>(
    _ count: Int, of shared: borrowing Shared, from source: borrowing Source,
    into intake: inout Intake<Sink>
  ) throws(Failure) {
    guard !shared.frame.isTruncated else {
      var messages = shared.frame.controlMessages
      gatherRest(of: &messages, from: source, into: &intake)
      throw Failure("receive", reason: "the kernel cut control messages short (MSG_CTRUNC)")
    }
    intake.statistics.receiveCalls += 1
    if !shared.frame.hasControlMessages {
      intake.statistics.plainBytes += count
      guard !failsOnLinear else {
        // Whoever knows the queues says why.
        throw Failure(
          "receive",
          reason: "\(count) payload bytes came in plain frames (-L, --fail-on-linear)")
      }
      try intake.sink.take(shared.frame.payload(count), from: .plain)
      return try intake.sink.release()
    }
    let described = try deliver(shared.frame, from: source, in: shared.memory, into: &intake)
    guard described == count else {
      throw Failure(
        "receive",
        reason: "recvmsg returned \(count) bytes, its control messages describe \(described)")
    }
  }

  /// Hands on what a frame's control messages describe.
  ///
  /// - Returns: How many bytes that is.
  private mutating func deliver<Sink: PayloadSink & ~Copyable>(
    _ frame: borrowing ReceiveFrame, from source: borrowing Source, in memory: borrowing Memory,
    into intake: inout Intake<Sink>
  ) throws(Failure) -> Int {
    guard intake.sink.readsPayload else {
      return try deliver(frame, from: source, of: memory.bytes, into: &intake)
    }
    var isReadable = false
    do throws(Failure) {
      let range = Self.rangeToRead(frame.controlMessages, through: binding, in: memory)
      return try memory.reading(range) { bytes throws(Failure) in
        isReadable = true
        return try deliver(frame, from: source, of: bytes, into: &intake)
      }
    } catch {
      if !isReadable {
        var messages = frame.controlMessages
        gatherRest(of: &messages, from: source, into: &intake)
      }
      throw error
    }
  }

  /// Hands on what a frame's control messages describe. After a failure the tokens of the rest are
  /// gathered: nothing else would return them.
  private mutating func deliver<Sink: PayloadSink & ~Copyable>(
    _ frame: borrowing ReceiveFrame, from source: borrowing Source, of bytes: RawSpan,
    into intake: inout Intake<Sink>
  ) throws(Failure) -> Int {
    if let trace = intake.trace {
      show(frame.controlMessages, of: bytes, after: intake.statistics.totalBytes, to: trace)
    }
    var messages = frame.controlMessages
    do throws(Failure) {
      let described = try deliver(&messages, of: frame, from: source, of: bytes, into: &intake)
      try intake.sink.release()
      return described
    } catch {
      gatherRest(of: &messages, from: source, into: &intake)
      throw error
    }
  }

  private mutating func deliver<Sink: PayloadSink & ~Copyable>(
    _ messages: inout ControlMessages, of frame: borrowing ReceiveFrame,
    from source: borrowing Source, of bytes: RawSpan, into intake: inout Intake<Sink>
  ) throws(Failure) -> Int {
    let bytesBefore = intake.statistics.totalBytes
    var linear = 0
    while true {
      if let fragment = messages.nextFragment() {
        try take(fragment, before: messages, from: source, of: bytes, into: &intake)
        continue
      }
      switch messages.next() {
      case .fragment(let fragment):
        try takeLonger(fragment, before: messages, from: source, of: bytes, into: &intake)
      case .linear(let size):
        try take(linear: Int(size), of: frame, at: linear, into: &intake)
        // What recvmsg can return at all does not overflow, here or in the counts below.
        linear &+= Int(size)
      case .other:
        continue
      case .malformed:
        throw Failure("receive", reason: "the kernel sent a malformed control message")
      case nil:
        return intake.statistics.totalBytes - bytesBefore
      }
    }
  }

  /// Takes a fragment of a message that is longer than the kernel's are.
  @inline(never)
  private mutating func takeLonger<Sink: PayloadSink & ~Copyable>(
    _ fragment: Fragment, before rest: ControlMessages, from source: borrowing Source,
    of bytes: RawSpan, into intake: inout Intake<Sink>
  ) throws(Failure) {
    try take(fragment, before: rest, from: source, of: bytes, into: &intake)
  }

  /// Gathers a fragment's token, and hands on its bytes.
  ///
  /// A function that did not mutate would have the compiler copy the engine for each fragment.
  @inline(__always)
  private mutating func take<Sink: PayloadSink & ~Copyable>(
    _ fragment: Fragment, before rest: ControlMessages, from source: borrowing Source,
    of bytes: RawSpan, into intake: inout Intake<Sink>
  ) throws(Failure) {
    guard accepts(fragment, in: bytes) else {
      return try refuse(fragment, from: source, for: &intake)
    }
    try gather(fragment.token, from: source, into: &intake)
    let size = Int(fragment.size)
    if !intake.sink.dropsPayload {
      if intake.sink.readsAtOnce { bytes.fetchAhead(at: rest.nextOffset) }
      try intake.sink.take(
        bytes.piece(at: Int(truncatingIfNeeded: fragment.offset), count: size),
        from: .fragment(fragment, index: intake.statistics.fragments))
    }
    intake.statistics.fragments &+= 1
    intake.statistics.deviceBytes &+= size
  }

  private mutating func take<Sink: PayloadSink & ~Copyable>(
    linear size: Int, of frame: borrowing ReceiveFrame, at offset: Int,
    into intake: inout Intake<Sink>
  ) throws(Failure) {
    guard offset + size <= ReceiveFrame.payloadCapacity else {
      throw Failure("receive", reason: "linear bytes beyond the buffer")
    }
    if failsOnLinear {
      throw Failure(
        "receive", reason: "\(size) payload bytes stayed in host memory (-L, --fail-on-linear)",
        hint: "the NIC split header and payload in the wrong place")
    }
    intake.statistics.linearBytes += size
    let bytes = frame.payload(offset + size).extracting(droppingFirst: offset)
    try intake.sink.take(bytes, from: .linear)
  }

  /// Which range of a memory to read to have what one call of `recvmsg` received.
  private static func rangeToRead(
    _ messages: consuming ControlMessages, through binding: UInt32, in memory: borrowing Memory
  ) -> Range<Int> {
    var range = RangeToRead(of: memory)
    guard !range.isWhole else { return range.value }
    while let message = messages.next() {
      guard case .fragment(let fragment) = message, fragment.binding == binding,
        let start = Int(exactly: fragment.offset)
      else { continue }
      range.extend(to: start, count: Int(fragment.size))
    }
    return range.value
  }

  /// Whether a fragment came through the binding and lies within its memory.
  @inline(__always)
  private func accepts(_ fragment: Fragment, in bytes: RawSpan) -> Bool {
    let size = Int(fragment.size)
    // Both are below 2^63, so that the difference does not overflow.
    return fragment.binding == binding && size <= bytes.byteCount
      && fragment.offset <= UInt64(truncatingIfNeeded: bytes.byteCount &- size)
  }

  /// Shows what one call received, up to what is wrong, before the sink takes it.
  private func show(
    _ messages: consuming ControlMessages, of bytes: RawSpan, after byteCount: Int,
    to trace: (Fragment, _ totalBytes: Int) -> Void
  ) {
    var total = byteCount
    while let message = messages.next() {
      switch message {
      case .fragment(let fragment):
        guard accepts(fragment, in: bytes) else { return }
        total += Int(fragment.size)
        trace(fragment, total)
      case .linear(let size): total += Int(size)
      case .other, .malformed: continue
      }
    }
  }

  /// Gathers the token of a fragment that is not taken: it is another binding's, or not within the
  /// dma-buf.
  @inline(never)
  private mutating func refuse<Sink: PayloadSink & ~Copyable>(
    _ fragment: Fragment, from source: borrowing Source, for intake: inout Intake<Sink>
  ) throws(Failure) {
    try gather(fragment.token, from: source, into: &intake)
    let subject = "fragment \(intake.statistics.fragments)"
    guard fragment.binding == binding else {
      throw Failure(
        "receive", on: subject,
        reason: "it came through binding \(fragment.binding), not \(binding)",
        hint: "another program's binding gets this flow: check the flow rules")
    }
    throw Failure(
      "receive", on: subject,
      reason: "\(fragment.size) bytes at \(fragment.offset) are not within the dma-buf")
  }
}

// Returning.
extension DevmemEngine where Source: ~Copyable, Memory: ~Copyable {
  /// Gathers a token, after making room for it where there is none.
  @inline(__always)
  private mutating func gather<Sink: PayloadSink & ~Copyable>(
    _ token: UInt32, from source: borrowing Source, into intake: inout Intake<Sink>
  ) throws(Failure) {
    if tokens.append(token) { return }
    try makeRoom(for: token, from: source, into: &intake)
  }

  @inline(never)
  private mutating func makeRoom<Sink: PayloadSink & ~Copyable>(
    for token: UInt32, from source: borrowing Source, into intake: inout Intake<Sink>
  ) throws(Failure) {
    try intake.sink.release()
    try giveBack(to: source, counting: &intake.statistics)
    _ = tokens.append(token)
  }

  /// Gathers the tokens that a failure left. A further failure is not reported: the first one is.
  @inline(never)
  private mutating func gatherRest<Sink: PayloadSink & ~Copyable>(
    of messages: inout ControlMessages, from source: borrowing Source,
    into intake: inout Intake<Sink>
  ) {
    while let message = messages.next() {
      guard case .fragment(let fragment) = message, !tokens.append(fragment.token) else { continue }
      do throws(Failure) { try giveBack(to: source, counting: &intake.statistics) } catch {}
      _ = tokens.append(fragment.token)
    }
  }

  /// Returns the tokens gathered so far.
  package mutating func giveBack(
    to source: borrowing Source, counting statistics: inout ReceiveStatistics
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

extension RawSpan {
  /// A part that is known to be within. `extracting` would look again, for each fragment.
  @inline(__always)
  @_lifetime(copy self)
  fileprivate func piece(at offset: Int, count: Int) -> RawSpan {
    let start = unsafe withUnsafeBytes { unsafe $0.baseAddress.unsafelyUnwrapped + offset }
    return unsafe _overrideLifetime(
      RawSpan(_unsafeStart: start, byteCount: count), copying: self)
  }

  /// Has the processor fetch the start of a fragment, so that it comes while another is compared: as
  /// much as is in a standard frame, from where the processor goes on by itself. A NIC leaves
  /// payload in no near cache. What is not within the span is not fetched.
  @inline(__always)
  fileprivate func fetchAhead(at offset: UInt64) {
    guard offset < UInt64(truncatingIfNeeded: byteCount) else { return }
    unsafe withUnsafeBytes { bytes in
      let start = unsafe bytes.baseAddress.unsafelyUnwrapped + Int(truncatingIfNeeded: offset)
      for line in stride(from: 0, to: 1472, by: 64) { unsafe CLinux_prefetch(start + line) }
    }
  }
}

/// Bounds of what may yet succeed.
private enum Retries {
  /// Tries of a `recvmsg`.
  static let limit = 10
  /// The pause before the next one, where the kernel lacked memory.
  static let pause = Duration.milliseconds(20)
}
