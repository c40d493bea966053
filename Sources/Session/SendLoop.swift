// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
internal import Glibc
package import Kernel
package import Sockets

/// Sends one stream from device memory: reads payload into slots of it, keeps many sends in
/// flight, and fills a slot again only when the kernel is done with it.
package struct SendLoop: ~Copyable {
  /// A part of the memory, and the sends that were made from it last.
  private struct Slot {
    let offset: Int
    let size: Int
    var sends: Range<UInt64> = 0..<0
  }

  /// The size of a slot in bytes, unless the memory is too small for several: what a pipe holds at
  /// the most by default (`fs.pipe-max-size`) would keep much of it unused, what it usually gives
  /// would cost a call each.
  private static let slotSize = 256 << 10

  private let frame: SendFrame
  /// How long the peer may take to acknowledge anything, in seconds; `nil` for however long.
  private let patience: Int?
  private let stop: CInt
  private var tracker = SendTracker()

  package private(set) var statistics = SendStatistics()

  /// - Parameters:
  ///   - binding: The id of the TX binding that the memory has.
  ///   - chunkSize: The length of the pieces that each send is made of; `nil` for one piece.
  ///   - stop: A descriptor that is readable when the loop is to stop.
  package init(binding: UInt32, chunkSize: Int?, patience: Int?, orStoppedBy stop: CInt) {
    frame = SendFrame(binding: binding, chunkSize: chunkSize)
    self.patience = patience
    self.stop = stop
  }

  /// Sends all that a source has.
  ///
  /// - Throws: A `Failure` with `EINTR` after a stop signal.
  package mutating func run<
    Source: PayloadSource & ~Copyable, Memory: WritableMemory & ~Copyable,
    Destination: DevmemDestination & ~Copyable
  >(
    from source: inout Source, through memory: inout Memory, to destination: borrowing Destination
  ) throws(Failure) {
    var slots = Self.slots(of: memory.byteCount)
    var next = 0
    while true {
      try waitForCompletion(of: slots[next].sends, from: destination)
      let count = try fill(slots[next], of: &memory, from: &source)
      guard count > 0 else { return }
      let first = tracker.issued
      try send(slots[next].offset, count, to: destination)
      slots[next].sends = first..<tracker.issued
      next = (next + 1) % slots.count
    }
  }

  /// Waits until the kernel is done with all that was sent.
  package mutating func drain<Destination: DevmemDestination & ~Copyable>(
    from destination: borrowing Destination
  ) throws(Failure) {
    try waitForCompletion(of: 0..<tracker.issued, from: destination)
  }

  private static func slots(of byteCount: Int) -> [Slot] {
    let size = min(slotSize, max(1, byteCount / 2))
    return stride(from: 0, through: byteCount - size, by: size).map { Slot(offset: $0, size: size) }
  }

  private func fill<
    Source: PayloadSource & ~Copyable, Memory: WritableMemory & ~Copyable
  >(
    _ slot: Slot, of memory: inout Memory, from source: inout Source
  ) throws(Failure) -> Int {
    try memory.beginWriting()
    var bytes = memory.mutableBytes(in: slot.offset..<slot.offset + slot.size)
    let count = try source.read(into: &bytes)
    try memory.endWriting(slot.offset..<slot.offset + count)
    return count
  }

  /// What one call of `sendmsg` came to.
  private enum Outcome {
    case sent(Int)
    /// The socket has no room.
    case full
    /// The socket has too many sends outstanding.
    case crowded
  }

  /// Sends bytes that lie in the memory, all of them, unless the loop is to stop. A peer that keeps
  /// up lets it never wait, so that it has to look.
  mutating func send<Destination: DevmemDestination & ~Copyable>(
    _ offset: Int, _ count: Int, to destination: borrowing Destination
  ) throws(Failure) {
    let stopping = try attempt("look for stop signals") { () throws(Errno) in
      try waitUntilReady(stop, until: .now, orStoppedBy: -1)
    }
    guard stopping != .ready else { throw failure(toSend: .interrupted) }
    var sent = 0
    while sent < count {
      switch try attemptSend(offset + sent, count - sent, to: destination) {
      case .sent(let part):
        tracker.issue()
        sent += part
        statistics.sends += 1
        statistics.bytes += part
      case .full:
        try wait(for: .writing, of: destination)
      case .crowded:
        statistics.backoffs += 1
        try wait(for: .errors, of: destination)
      }
    }
  }

  private func attemptSend<Destination: DevmemDestination & ~Copyable>(
    _ offset: Int, _ count: Int, to destination: borrowing Destination
  ) throws(Failure) -> Outcome {
    do throws(Errno) {
      return .sent(try destination.send(offset: offset, count: count, with: frame))
    } catch {
      switch error {
      case .tryAgain: return .full
      case .noBuffers where tracker.outstanding > 0: return .crowded
      default: throw failure(toSend: error)
      }
    }
  }
}

extension SendLoop {
  private mutating func waitForCompletion<Destination: DevmemDestination & ~Copyable>(
    of sends: Range<UInt64>, from destination: borrowing Destination
  ) throws(Failure) {
    while !tracker.isComplete(sends) {
      if try !takeNotices(from: destination) { try wait(for: .errors, of: destination) }
    }
  }

  /// Waits for the kernel to move, and takes its notices.
  private mutating func wait<Destination: DevmemDestination & ~Copyable>(
    for interest: Interest, of destination: borrowing Destination
  ) throws(Failure) {
    let deadline = patience.map { Instant.now.advanced(milliseconds: $0 * 1000) }
    while true {
      let readiness = try attempt("wait for the peer") { () throws(Errno) in
        try waitUntilReady(
          destination.rawDescriptor, for: interest, until: deadline, orStoppedBy: stop)
      }
      switch readiness {
      case .stopped: throw failure(toSend: .interrupted)
      case .timedOut: throw failure(toSend: .timedOut)
      case .ready: break
      }
      if try takeNotices(from: destination) || interest == .writing { return }
      let error = try attempt("look at the connection") { () throws(Errno) in
        try destination.takeError()
      }
      if let error { throw failure(toSend: error) }
      // The connection is half gone, which `poll` does not stop saying; what is outstanding may
      // still complete.
      guard deadline.map({ $0 > .now }) ?? true else { throw failure(toSend: .timedOut) }
      usleep(1000)
    }
  }

  /// Takes all notices that there are.
  ///
  /// - Returns: Whether there was one of complete sends.
  private mutating func takeNotices<Destination: DevmemDestination & ~Copyable>(
    from destination: borrowing Destination
  ) throws(Failure) -> Bool {
    var isAny = false
    while let notice = try attempt(
      "read the error queue", { () throws(Errno) in try destination.takeNotice() })
    {
      guard case .complete(let first, let last, let copied) = notice else { continue }
      guard tracker.complete(first: first, last: last) else {
        throw Failure(
          "send", reason: "the kernel told of sends \(first) to \(last), which are not outstanding")
      }
      let count = Int(last &- first) + 1
      isAny = true
      statistics.notices += 1
      statistics.completions += count
      if copied { statistics.copied += count }
    }
    return isAny
  }

  private func failure(toSend errno: Errno) -> Failure {
    let count = tracker.outstanding
    let outstanding =
      tracker.oldestOutstanding.map { "\(count) sends from number \($0) on" } ?? "none"
    return Failure(
      "send", errno: errno, reason: "after \(statistics.bytes) bytes; outstanding: \(outstanding)",
      hint: Self.hint(for: errno))
  }

  /// What `sendmsg` from device memory fails with, and why (`net/ipv4/tcp.c`,
  /// `tcp_sendmsg_locked`; `net/core/devmem.c`, `net_devmem_get_binding`).
  private static func hint(for errno: Errno) -> String? {
    switch errno {
    case .invalidArgument: "the binding is not there, or the interface cannot scatter and gather"
    case .noDevice: "the route to the peer does not leave by the bound interface"
    case .noBuffers: "raise net.core.optmem_max: it does not hold one notice"
    case .timedOut: "the peer has not acknowledged anything (--timeout)"
    default: nil
    }
  }
}
