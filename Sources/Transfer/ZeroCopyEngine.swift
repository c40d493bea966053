// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Sockets
package import Uring

/// What the streams of a thread use in turn to receive by a ring.
package struct ZeroCopyShared<
  Ring: ZeroCopySource & ~Copyable, Memory: ReadableMemory & ~Copyable
>: ~Copyable {
  /// The ring, which serves them all.
  package var ring: Ring
  /// The memory that the ring's area is in.
  package let memory: Memory
  /// Where in the memory the area begins, and where it ends.
  fileprivate let area: Range<Int>
  /// Of what the kernel has copied, how much was counted with a stream.
  fileprivate var copiedByteCount = 0

  /// - Parameters:
  ///   - ring: What the thread may use alone.
  ///   - area: Where in the memory the ring's area lies, in bytes.
  package init(_ ring: consuming Ring, in memory: consuming Memory, at area: Range<Int>) {
    self.ring = ring
    self.memory = memory
    self.area = area
  }
}

/// Receives a stream by a ring: the kernel says by completions where the NIC has written payload, of
/// all streams of the ring in the order in which it came. This one takes those of its own while they
/// are the next ones.
package struct ZeroCopyEngine<
  Ring: ZeroCopySource & ~Copyable, Memory: ReadableMemory & ~Copyable
>: ReceiveEngine, ~Copyable {
  package typealias Source = Connection
  package typealias Shared = ZeroCopyShared<Ring, Memory>

  /// What the stream's completions carry.
  private let number: UInt64
  /// Whether payload that the kernel had to copy is an error.
  private let failsOnLinear: Bool
  /// How many bytes to ask for at once; for all that comes if `nil`.
  private let requestSize: Int?
  /// How many bytes of the last request are still to come.
  private var outstanding = 0
  /// Whether the kernel was asked for what comes.
  private var isAsked = false
  /// How often it was asked again because it could not go on.
  private var retries = 0

  /// - Parameters:
  ///   - number: The stream's number in its ring, which its completions carry.
  ///   - requestSize: How many bytes to ask for at once; for all that comes if `nil`.
  ///   - failsOnLinear: Whether payload that the kernel had to copy is an error.
  package init(as number: Int, requesting requestSize: Int? = nil, failsOnLinear: Bool = false) {
    self.number = UInt64(number)
    self.requestSize = requestSize
    self.failsOnLinear = failsOnLinear
  }

  /// A ring has no threshold: the kernel says all that comes.
  package func setReadableThreshold(_ bytes: Int, of source: borrowing Source) {}

  package func descriptor(of source: borrowing Source, with shared: borrowing Shared) -> Descriptor
  {
    shared.ring.descriptor
  }

  /// What was taken is given back as it is taken.
  package mutating func giveBack(
    to source: borrowing Source, counting statistics: inout ReceiveStatistics
  ) {}

  package mutating func receive<Sink: PayloadSink & ~Copyable>(
    from source: borrowing Source, with shared: inout Shared, into intake: inout Intake<Sink>
  ) throws(Failure) -> ReceiveArrival {
    while true {
      let waiting = try gather(from: source.descriptor, by: &shared.ring)
      let pieces = piecesWaiting(waiting, by: shared.ring)
      guard pieces == 0 else { return .bytes(try take(pieces, with: &shared, into: &intake)) }
      guard waiting > 0 else { return .nothing }
      let completion = shared.ring.completion(0)
      guard completion.number == number else { return .nothing }
      try giveBack(1, by: &shared.ring)
      if completion.result < 0 {
        try recover(from: Errno(-completion.result), by: &shared.ring)
      } else if requestSize == nil || outstanding > 0 {
        return .endOfStream
      }
      isAsked = false
    }
  }

  /// How many pieces of the stream come next.
  private func piecesWaiting(_ waiting: Int, by ring: borrowing Ring) -> Int {
    let most = min(waiting, RingLimits.piecesPerCall)
    var count = 0
    while count < most {
      let completion = ring.completion(count)
      guard completion.number == number, completion.result > 0 else { break }
      count += 1
    }
    return count
  }

  /// Asks for the stream where that is necessary, and has the kernel go on.
  private mutating func gather(
    from connection: Descriptor, by ring: inout Ring
  ) throws(Failure) -> Int {
    do throws(Errno) {
      if !isAsked {
        try ring.request(from: connection, as: number, count: requestSize ?? 0)
        isAsked = true
        outstanding = requestSize ?? 0
      }
      return try ring.gather()
    } catch {
      throw Failure("ask io_uring for what comes", errno: error)
    }
  }

  /// Hands on the pieces that come next, and gives them back.
  ///
  /// - Returns: How many bytes they are.
  private mutating func take<Sink: PayloadSink & ~Copyable>(
    _ count: Int, with shared: inout Shared, into intake: inout Intake<Sink>
  ) throws(Failure) -> Int {
    retries = 0
    let total: Int
    if intake.sink.readsPayload {
      let range = rangeToRead(count, of: shared)
      total = try shared.memory.reading(range) { bytes throws(Failure) in
        try deliver(count, by: shared.ring, in: shared.area, of: bytes, into: &intake)
      }
    } else {
      total = try deliver(
        count, by: shared.ring, in: shared.area, of: shared.memory.bytes, into: &intake)
    }
    try giveBack(count, by: &shared.ring)
    outstanding -= total
    intake.statistics.receiveCalls += 1
    intake.statistics.returnCalls += 1
    intake.statistics.tokensReturned += count
    // The kernel counts for all of the ring, and ahead of what is taken.
    let copied = min(total, shared.ring.copiedByteCount - shared.copiedByteCount)
    if copied > 0 {
      shared.copiedByteCount += copied
      intake.statistics.deviceBytes -= copied
      intake.statistics.plainBytes += copied
      guard !failsOnLinear else {
        throw Failure(
          "receive",
          reason: "the kernel had to copy \(copied) payload bytes (-L, --fail-on-linear)",
          hint: "they came through another queue")
      }
    }
    return total
  }

  private func deliver<Sink: PayloadSink & ~Copyable>(
    _ count: Int, by ring: borrowing Ring, in area: Range<Int>, of bytes: RawSpan,
    into intake: inout Intake<Sink>
  ) throws(Failure) -> Int {
    var total = 0
    for index in 0..<count {
      let completion = ring.completion(index)
      let size = Int(completion.result)
      let offset = area.lowerBound &+ completion.offset
      guard offset <= area.upperBound - size, area.upperBound <= bytes.byteCount else {
        throw Failure(
          "receive", on: "piece \(intake.statistics.fragments)",
          reason: "\(size) bytes at \(completion.offset) are not within the area")
      }
      let fragment = Fragment(offset: UInt64(offset), size: UInt32(size), token: 0, binding: 0)
      if let trace = intake.trace { trace(fragment, intake.statistics.totalBytes + size) }
      try intake.sink.take(
        // Within: the guard above.
        unsafe bytes.extracting(unchecked: offset..<offset &+ size),
        from: .fragment(fragment, index: intake.statistics.fragments))
      intake.statistics.fragments &+= 1
      intake.statistics.deviceBytes &+= size
      total &+= size
    }
    try intake.sink.release()
    return total
  }

  /// Which range of the memory to read to have the pieces that come next.
  private func rangeToRead(_ count: Int, of shared: borrowing Shared) -> Range<Int> {
    var range = RangeToRead(of: shared.memory)
    guard !range.isWhole else { return range.value }
    for index in 0..<count {
      let completion = shared.ring.completion(index)
      range.extend(
        to: shared.area.lowerBound + completion.offset, count: Int(completion.result))
    }
    return range.value
  }

  private func giveBack(_ count: Int, by ring: inout Ring) throws(Failure) {
    try attempt("give pieces back to io_uring", hint: "the kernel does not take them") {
      () throws(Errno) in try ring.take(count)
    }
  }

  /// Has the kernel try again, a bounded number of times, where that can help.
  private mutating func recover(from error: Errno, by ring: inout Ring) throws(Failure) {
    retries += 1
    switch error {
    case _ where retries > RingLimits.retries:
      throw Failure(toReceiveByRing: error)
    case .noSpace, .noBuffers, .interrupted, .tryAgain:
      // More came than completions have room for: they are taken by now.
      break
    case .outOfMemory:
      // No buffer is free to copy into. Those that were given back may wait to be read.
      if !ring.makeRoom() { pause(for: RingLimits.pause) }
    default:
      throw Failure(toReceiveByRing: error)
    }
  }
}

extension Failure {
  /// What a completion of a zero-copy receive says went wrong (`io_uring/zcrx.c`, `io_zcrx_recv`).
  fileprivate init(toReceiveByRing errno: Errno) {
    let hint: String? =
      switch errno {
      case .badAddress:
        "the payload came through a queue whose memory is another ring's: check the flow rules"
      case .outOfMemory:
        "payload came that has to be copied, and no memory is free for that; into a dma-buf the "
          + "kernel copies nothing (--memory host)"
      case .connectionReset: "the peer broke the connection off"
      default: nil
      }
    self.init("receive", errno: errno, hint: hint)
  }
}

/// Bounds of one call, and of what may yet succeed.
private enum RingLimits {
  /// How many pieces are handed on before any is given back.
  static let piecesPerCall = 1024
  /// How often the kernel is asked again while nothing comes.
  static let retries = 50
  /// How long to wait for the NIC to take new buffers.
  static let pause = Duration.milliseconds(20)
}
