// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
internal import Glibc
package import Kernel
package import Sockets

/// Receives one stream through a binding: takes what waits, hands it on in order and in place,
/// and gives the fragments back to the NIC.
package struct ReceiveLoop: ~Copyable {
  /// Why a loop ended that did not fail.
  package enum End: Equatable, Sendable {
    /// The peer closed the connection.
    case endOfStream
    /// A stop signal waits.
    case stopped
    /// The first payload is received, and the loop was to pause there.
    case paused
  }

  /// The binding that fragments must come through.
  let binding: UInt32
  /// Whether linear bytes are an error.
  private let failsOnLinear: Bool
  /// How long the connection may be silent, in seconds; `nil` for however long.
  let idleLimit: Int?
  private let tracesFragments: Bool

  package internal(set) var statistics = ReceiveStatistics()
  var tokens = TokenBatch()

  /// Calls of `recvmsg` between two looks at the stop signals, while data keeps coming.
  private static let callsPerSignalCheck = 64

  /// Tries of a `recvmsg` that may yet succeed, and the pause in microseconds before one for which
  /// the kernel must first find memory.
  private static let tries = 10
  private static let pause: useconds_t = 20_000

  package init(
    binding: UInt32, failsOnLinear: Bool = false, idleLimit: Int? = nil,
    tracesFragments: Bool = false
  ) {
    self.binding = binding
    self.failsOnLinear = failsOnLinear
    self.idleLimit = idleLimit
    self.tracesFragments = tracesFragments
  }

  /// Receives until the stream ends, a stop signal comes or something fails. The tokens of every
  /// fragment received are returned in each case, as far as the kernel takes them.
  ///
  /// - Parameters:
  ///   - pausing: Whether to come back after the first payload; to go on, run again.
  ///   - stop: A descriptor that is readable when the loop is to stop.
  package mutating func run<
    Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable,
    Sink: PayloadSink & ~Copyable
  >(
    from source: borrowing Source, in memory: borrowing Memory, into sink: inout Sink,
    pausing: Bool = false, orStoppedBy stop: CInt
  ) throws(Failure) -> End {
    let end: End
    do throws(Failure) {
      end = try receiveAll(
        from: source, in: memory, into: &sink, pausing: pausing, orStoppedBy: stop)
    } catch {
      // The failure to tell is the first one.
      do throws(Failure) { try returnTokens(to: source) } catch {}
      throw error
    }
    try returnTokens(to: source)
    return end
  }

  private mutating func receiveAll<
    Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable,
    Sink: PayloadSink & ~Copyable
  >(
    from source: borrowing Source, in memory: borrowing Memory, into sink: inout Sink,
    pausing: Bool, orStoppedBy stop: CInt
  ) throws(Failure) -> End {
    var frame = ReceiveFrame()
    var pace = ReceivePace(memorySize: memory.bytes.byteCount)
    var callsUntilSignalCheck = Self.callsPerSignalCheck
    while true {
      switch try receive(from: source, into: &frame) {
      case .endOfStream:
        return .endOfStream
      case .bytes(let count):
        try deliver(count, of: frame, from: source, in: memory, into: &sink)
        if pausing { return .paused }
        pace.add(count)
        callsUntilSignalCheck -= 1
        guard callsUntilSignalCheck == 0 else { continue }
        callsUntilSignalCheck = Self.callsPerSignalCheck
        if try wait(for: stop, until: .now, orStoppedBy: stop) == .stopped { return .stopped }
      case .nothing:
        // An idle connection must not keep memory from the NIC.
        try returnTokens(to: source)
        switch try wait(for: source, at: &pace, orStoppedBy: stop) {
        case .ready: continue
        case .stopped: return .stopped
        case .timedOut: throw idleFailure
        }
      }
    }
  }

  enum Arrival {
    case bytes(Int)
    case nothing
    case endOfStream
  }

  /// One `recvmsg`, repeated a bounded number of times where that can help.
  mutating func receive<Source: DevmemSource & ~Copyable>(
    from source: borrowing Source, into frame: inout ReceiveFrame
  ) throws(Failure) -> Arrival {
    var last = Errno.outOfMemory
    for _ in 0..<Self.tries {
      do throws(Errno) {
        let count = try source.receive(into: &frame)
        return count > 0 ? .bytes(count) : .endOfStream
      } catch {
        last = error
      }
      switch last {
      case .tryAgain:
        return .nothing
      case .tooSmall:
        guard frame.growControl() else { throw Self.failure(toReceive: last) }
      case .outOfMemory:
        // The kernel found no room for the tokens of what waits.
        try returnTokens(to: source)
        usleep(Self.pause)
      default:
        throw Self.failure(toReceive: last)
      }
    }
    throw Self.failure(toReceive: last)
  }

  /// Hands on what one call received and gathers its tokens.
  mutating func deliver<
    Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable,
    Sink: PayloadSink & ~Copyable
  >(
    _ count: Int, of frame: borrowing ReceiveFrame, from source: borrowing Source,
    in memory: borrowing Memory, into sink: inout Sink
  ) throws(Failure) {
    guard !frame.isTruncated else {
      throw Failure("receive", reason: "the kernel cut control messages short (MSG_CTRUNC)")
    }
    statistics.receiveCalls += 1
    var messages = frame.controlMessages
    if messages.isEmpty {
      statistics.plainBytes += count
      try sink.take(frame.payload(count), from: .plain)
      return try sink.release()
    }

    let reads = sink.readsPayload
    if reads { try memory.beginReading(rangeToRead(frame.controlMessages, in: memory)) }
    let told: Int
    do throws(Failure) {
      told = try deliver(&messages, of: frame, from: source, in: memory, into: &sink)
      try sink.release()
    } catch {
      try gatherTokens(of: &messages, from: source, releasing: &sink)
      throw error
    }
    if reads { try memory.endReading() }
    guard told == count else {
      throw Failure(
        "receive", reason: "recvmsg returned \(count) bytes, its control messages tell of \(told)")
    }
  }

  /// Hands on what control messages tell of.
  ///
  /// - Returns: How many bytes that is.
  private mutating func deliver<
    Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable,
    Sink: PayloadSink & ~Copyable
  >(
    _ messages: inout ControlMessages, of frame: borrowing ReceiveFrame,
    from source: borrowing Source, in memory: borrowing Memory, into sink: inout Sink
  ) throws(Failure) -> Int {
    let bytes = memory.bytes
    var told = 0
    var linear = 0
    while let message = messages.next() {
      switch message {
      case .fragment(let fragment):
        try gather(fragment.token, from: source, releasing: &sink)
        try take(fragment, of: bytes, into: &sink)
        told += Int(fragment.size)
      case .linear(let size):
        try take(linear: Int(size), of: frame, at: linear, into: &sink)
        linear += Int(size)
        told += Int(size)
      case .other:
        continue
      case .malformed:
        throw Failure("receive", reason: "the kernel sent a malformed control message")
      }
    }
    return told
  }

  private mutating func take<Sink: PayloadSink & ~Copyable>(
    _ fragment: Fragment, of bytes: RawSpan, into sink: inout Sink
  ) throws(Failure) {
    let size = Int(fragment.size)
    guard fragment.binding == binding, let offset = Int(exactly: fragment.offset),
      offset <= bytes.byteCount - size
    else { throw refusal(of: fragment) }
    if tracesFragments { trace(fragment) }
    try sink.take(
      // Within: the guard above.
      unsafe bytes.extracting(unchecked: offset..<offset &+ size),
      from: .fragment(fragment, index: statistics.fragments))
    statistics.fragments += 1
    statistics.deviceBytes += size
  }

  private mutating func take<Sink: PayloadSink & ~Copyable>(
    linear size: Int, of frame: borrowing ReceiveFrame, at offset: Int, into sink: inout Sink
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
}
