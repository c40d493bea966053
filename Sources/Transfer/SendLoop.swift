// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Sockets

/// What a send loop did.
package struct SendStatistics: Equatable, Sendable {
  /// Bytes that the socket took.
  package var bytes = 0

  /// Calls of `sendmsg` that took some.
  package var sends = 0

  /// Notices of complete sends.
  package var notices = 0
  /// How many sends they were about.
  package var completions = 0

  /// Sends whose payload the kernel copied after all.
  package var copied = 0

  /// Waits because too many sends were outstanding (`ENOBUFS`).
  package var backoffs = 0

  /// Nothing yet.
  package init() {}
}

/// Sends one stream, from device memory or from the host's: reads payload into slots of it, keeps
/// many sends in flight, and fills a slot again only when the kernel is done with it.
///
/// Each send is at least one fragment of a packet, and drivers take few in one: gve 9 (`drivers/net/
/// ethernet/google/gve/gve_tx_dqo.c`). A packet of more they would have to copy, which device memory
/// does not allow, and drop it, as they do with each retransmission of it. TCP merges neither sends
/// nor pieces, even where one continues the other in the memory (`net/core/datagram.c`,
/// `zerocopy_fill_skb_from_devmem`). So payload that comes in small reads is gathered while sends
/// are in flight, and goes out as one piece; with nothing in flight, it goes out at once.
package struct SendLoop: ~Copyable {
  /// A part of the memory, and the sends that were made from it last.
  private struct Slot {
    let offset: Int
    let size: Int
    var sends: Range<UInt64> = 0..<0
  }

  /// The size of a slot in bytes, unless the memory is too small for several. Slots of the most
  /// that a pipe may hold by default (`fs.pipe-max-size`) would leave much of the memory unused;
  /// slots of what a read of a pipe usually gives would cost more calls.
  private static let slotSize = 256 << 10

  /// How much payload is gathered at most before it is sent, in bytes: more than a packet of jumbo
  /// size, which then has bytes of two sends and of four pages at most.
  private static let pieceSize = 16 << 10

  private let frame: SendFrame
  private let name: String
  private let engine: Engine
  /// How long the peer may take to acknowledge anything; `nil` for no limit.
  private let timeout: Duration?
  private var tracker = SendTracker()

  /// What was done so far.
  package private(set) var statistics = SendStatistics()

  /// Takes what was done so far, now and then: whenever the loop looks for a stop, or waits.
  package typealias Report = (SendStatistics) -> Void

  private let report: Report?

  /// - Parameters:
  ///   - binding: The id of the TX binding that the memory has.
  ///   - chunkSize: The length of the pieces that each send is made of, in bytes; `nil` for one
  ///     piece.
  ///   - timeout: How long the peer may take to acknowledge anything; `nil` for no limit.
  ///   - engine: What sends, for the hints of failures.
  ///   - name: What failures call the stream; nothing where there is only one.
  ///   - report: What the loop reports to; `nil` for nothing.
  package init(
    binding: UInt32, chunkSize: Int?, timeout: Duration?, by engine: Engine = .devmem,
    named name: String = "", report: Report? = nil
  ) {
    self.name = name
    self.engine = engine
    self.report = report
    frame = SendFrame(binding: binding, chunkSize: chunkSize)
    self.timeout = timeout
  }

  /// Sends all that a source has.
  ///
  /// - Throws: A `Failure` of the kind `stopped` after a stop.
  @specialized(
    where Source == InputSource, Memory == DeviceBuffer, Destination == Connection
  )
  @specialized(
    where Source == InputSource, Memory == HostMemory, Destination == SendDestination
  )
  package mutating func run<
    Source: PayloadSource & ~Copyable, Memory: WritableMemory & ~Copyable,
    Destination: DevmemDestination & ~Copyable
  >(
    from source: inout Source, through memory: inout Memory, to destination: borrowing Destination,
    _ wait: Wait
  ) throws(Failure) {
    var slots = Self.slots(of: memory.byteCount)
    var next = 0
    var goesOn = true
    while goesOn {
      try waitForCompletion(of: slots[next].sends, from: destination, wait)
      let first = tracker.issued
      goesOn = try fill(slots[next], from: &source, through: &memory, to: destination, wait)
      slots[next].sends = first..<tracker.issued
      next = (next + 1) % slots.count
    }
  }

  /// Ends the stream, and waits until it has arrived: until the kernel is done with all that was
  /// sent, and the peer's kernel has acknowledged every byte and the end.
  ///
  /// - Throws: A `Failure` of the kind `stopped` after a stop, with `ETIMEDOUT` if nothing more is
  ///   acknowledged, with `ECONNRESET` and the like if the connection breaks, also if that comes
  ///   behind the last acknowledgement, before this looks.
  package mutating func finish(
    to destination: borrowing some DevmemDestination & ~Copyable, _ wait: Wait
  ) throws(Failure) {
    do throws(Errno) {
      try destination.finishSending()
    } catch {
      // Of a connection that is broken, shutdown only says that there is none (`ENOTCONN`).
      throw failure(toSend: try pendingError(of: destination) ?? error, to: destination)
    }
    try waitForCompletion(of: 0..<tracker.issued, from: destination, wait)
    try waitForAcknowledgement(by: destination, wait)
  }

  private static func slots(of byteCount: Int) -> [Slot] {
    let size = min(slotSize, max(1, byteCount / 2))
    return stride(from: 0, through: byteCount - size, by: size).map { Slot(offset: $0, size: size) }
  }

  /// The result of one call of `sendmsg`.
  private enum Outcome {
    case sent(Int)
    /// The socket has no room.
    case full
    /// The socket has too many sends outstanding.
    case crowded
  }

  /// Sends bytes that lie in the memory, all of them, unless a stop comes. It checks for that here,
  /// because with a peer that keeps up it never waits.
  package mutating func send(
    _ offset: Int, _ count: Int, to destination: borrowing some DevmemDestination & ~Copyable,
    _ wait: Wait
  ) throws(Failure) {
    report?(statistics)
    try wait.check("send")
    var sent = 0
    var falseStarts = FalseStarts()
    while sent < count {
      switch try attemptSend(offset + sent, count - sent, to: destination) {
      case .sent(let part):
        tracker.issue()
        falseStarts.end()
        sent += part
        statistics.sends += 1
        statistics.bytes += part
      case .full:
        guard falseStarts.mayGoOn() else { throw failure(toSend: .tryAgain, to: destination) }
        try self.wait(for: .writing, of: destination, wait)
      case .crowded:
        statistics.backoffs += 1
        try self.wait(for: .errors, of: destination, wait)
      }
    }
  }

  private func attemptSend(
    _ offset: Int, _ count: Int, to destination: borrowing some DevmemDestination & ~Copyable
  ) throws(Failure) -> Outcome {
    do throws(Errno) {
      return .sent(try destination.send(offset: offset, count: count, with: frame))
    } catch {
      switch error {
      case .tryAgain: return .full
      case .noBuffers where tracker.outstanding > 0: return .crowded
      default: throw failure(toSend: error, to: destination)
      }
    }
  }
}

// What the peer answers.
extension SendLoop {
  /// Waits for bytes that the peer sends, and takes as many as there are and fit.
  ///
  /// - Returns: How many there were; 0 once the peer has ended its stream.
  /// - Throws: A `Failure` of the kind `stopped` after a stop, with `ETIMEDOUT` if nothing comes.
  package mutating func receive(
    into buffer: inout [UInt8], from destination: borrowing some DevmemDestination & ~Copyable,
    _ wait: Wait
  ) throws(Failure) -> Int {
    let wait = wait.limited(to: timeout)
    var falseStarts = FalseStarts()
    while true {
      do throws(Errno) {
        var span = buffer.mutableSpan
        var bytes = unsafe span.mutableBytes
        return try destination.receiveCopy(into: &bytes)
      } catch {
        guard error == .tryAgain, falseStarts.mayGoOn() else {
          throw Failure("receive a message", on: name, errno: error)
        }
      }
      guard try wait.for(destination.descriptor, to: "receive a message") else {
        throw Failure(
          "receive a message", on: name, errno: .timedOut,
          reason: "the peer has sent none (--timeout)")
      }
      // A notice that waits counts as something to read.
      _ = try takeNotices(from: destination)
    }
  }
}

// From the source into the memory.
extension SendLoop {
  /// Fills a slot with payload, piece by piece, and sends each. Pieces begin at a page, so that they
  /// have no fragment more than they need.
  ///
  /// - Returns: Whether the source may have more.
  private mutating func fill<
    Source: PayloadSource & ~Copyable, Memory: WritableMemory & ~Copyable,
    Destination: DevmemDestination & ~Copyable
  >(
    _ slot: Slot, from source: inout Source, through memory: inout Memory,
    to destination: borrowing Destination, _ wait: Wait
  ) throws(Failure) -> Bool {
    let least = min(Self.pieceSize, slot.size)
    var start = 0
    while slot.size - start >= least {
      let room = slot.offset + start..<slot.offset + slot.size
      let (count, isEnd) = try gather(
        least, into: room, from: &source, through: &memory, to: destination, wait)
      if count > 0 { try send(room.lowerBound, count, to: destination, wait) }
      guard !isEnd else { return false }
      start = (start + count + pageSize - 1) / pageSize * pageSize
    }
    return true
  }

  /// Reads payload for one piece: what there is if nothing is in flight, and otherwise more and
  /// more of it, until it is enough or nothing is in flight any more.
  ///
  /// - Parameter least: How many bytes are enough.
  private mutating func gather<
    Source: PayloadSource & ~Copyable, Memory: WritableMemory & ~Copyable,
    Destination: DevmemDestination & ~Copyable
  >(
    _ least: Int, into room: Range<Int>, from source: inout Source, through memory: inout Memory,
    to destination: borrowing Destination, _ wait: Wait
  ) throws(Failure) -> (count: Int, isEnd: Bool) {
    var count = 0
    var interruption: Interruption?
    while true {
      var reading = Reading.end
      _ = try memory.writing(room.lowerBound + count..<room.upperBound) {
        bytes throws(Failure) in
        reading = try source.read(into: &bytes, orUntil: interruption)
        return reading.count
      }
      switch reading {
      case .bytes(let more): count += more
      case .end: return (count, true)
      case .late: throw failure(toSend: .timedOut, to: destination)
      case .interrupted:
        if try !takeNotices(from: destination) {
          if let error = try pendingError(of: destination) {
            throw failure(toSend: error, to: destination)
          }
          // What else ails the connection, the send shows.
          return (count, false)
        }
        interruption = nil
      }
      guard count < least, tracker.outstanding > 0 else { return (count, false) }
      interruption =
        interruption
        ?? Interruption(by: destination.descriptor, orAt: wait.limited(to: timeout).deadline)
    }
  }
}

// Completions.
extension SendLoop {
  private mutating func waitForCompletion(
    of sends: Range<UInt64>, from destination: borrowing some DevmemDestination & ~Copyable,
    _ wait: Wait
  ) throws(Failure) {
    while !tracker.isComplete(sends) {
      guard try !takeNotices(from: destination) else { continue }
      try self.wait(for: .errors, of: destination, wait)
    }
  }

  /// Waits until the peer has acknowledged the stream and its end. There is no event for that: once
  /// the stream is ended, `poll` reports room to write again and again (`net/ipv4/tcp.c`,
  /// `tcp_poll`).
  private func waitForAcknowledgement(
    by destination: borrowing some DevmemDestination & ~Copyable, _ wait: Wait
  ) throws(Failure) {
    var (length, last) = (Duration.milliseconds(1), Acknowledgement(bytes: 0))
    var limited = wait.limited(to: timeout)
    while true {
      let acknowledged = try attempt("ask what was acknowledged") { () throws(Errno) in
        try destination.acknowledgement()
      }
      if let error = try pendingError(of: destination) {
        throw failure(toSend: error, to: destination)
      }
      if acknowledged.isWhole(of: statistics.bytes) { return }
      if acknowledged != last {
        last = acknowledged
        limited = wait.limited(to: timeout)
      }
      guard !limited.isOver else { throw failure(toSend: .timedOut, to: destination) }
      try limited.pause(for: length, to: "send")
      length = min(length * 2, .milliseconds(20))
    }
  }

  /// Waits until the destination is ready, and takes the kernel's notices.
  private mutating func wait(
    for interest: Interest, of destination: borrowing some DevmemDestination & ~Copyable,
    _ wait: Wait
  ) throws(Failure) {
    report?(statistics)
    let wait = wait.limited(to: timeout)
    while true {
      guard try wait.for(destination.descriptor, interest, to: "send") else {
        throw failure(toSend: .timedOut, to: destination)
      }
      if try takeNotices(from: destination) || interest == .writing { return }
      if let error = try pendingError(of: destination) {
        throw failure(toSend: error, to: destination)
      }
      // The connection is half closed, which `poll` reports again and again; what is outstanding
      // may still complete.
      guard !wait.isOver else { throw failure(toSend: .timedOut, to: destination) }
      pause(for: .milliseconds(1))
    }
  }

  /// Takes all notices that there are.
  ///
  /// - Returns: Whether there was one of complete sends.
  private mutating func takeNotices(
    from destination: borrowing some DevmemDestination & ~Copyable
  ) throws(Failure) -> Bool {
    var isAny = false
    while let notice = try attempt(
      "read the error queue", { () throws(Errno) in try destination.takeNotice() })
    {
      guard case .complete(let first, let last, let copied) = notice else { continue }
      guard tracker.complete(first: first, last: last) else {
        throw Failure(
          "send",
          reason: "the kernel reported sends \(first) to \(last), which are not outstanding")
      }
      let count = Int(last &- first) + 1
      isAny = true
      statistics.notices += 1
      statistics.completions += count
      if copied { statistics.copied += count }
    }
    return isAny
  }

  private func pendingError(
    of destination: borrowing some DevmemDestination & ~Copyable
  ) throws(Failure) -> Errno? {
    try attempt("check the connection") { () throws(Errno) in try destination.takeError() }
  }

  private func failure(
    toSend errno: Errno, to destination: borrowing some DevmemDestination & ~Copyable
  ) -> Failure {
    let count = tracker.outstanding
    let outstanding =
      tracker.oldestOutstanding.map { "\(count) sends from number \($0) on" } ?? "none"
    let acknowledged = (try? destination.acknowledgement().bytes(of: statistics.bytes)) ?? 0
    return Failure(
      "send", on: name, errno: errno,
      reason: "\(acknowledged) of \(statistics.bytes) bytes were acknowledged; "
        + "outstanding: \(outstanding)", hint: hint(for: errno))
  }

  /// What `sendmsg` from device memory fails with, and why (`net/ipv4/tcp.c`,
  /// `tcp_sendmsg_locked`; `net/core/devmem.c`, `net_devmem_get_binding`).
  private func hint(for errno: Errno) -> String? {
    switch errno {
    case .noBuffers where engine.isSocket:
      "raise net.core.optmem_max or the limit of locked memory (ulimit -l): one does not hold a send"
    case .invalidArgument where engine.isSocket: nil
    case .invalidArgument: "the binding is not there, or the interface cannot scatter and gather"
    case .noDevice: "the route to the peer does not leave by the bound interface"
    case .noBuffers: "raise net.core.optmem_max: it does not hold one notice"
    case .timedOut: "the peer has not acknowledged anything (--timeout)"
    case .connectionReset, .brokenPipe:
      "the peer closed the connection before it had read all: its own standard error says why"
    default: nil
    }
  }
}
