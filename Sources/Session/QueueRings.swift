// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Netdev
internal import Transfer
internal import Uring

/// Memory that rings are registered over, a ring for each RX queue with an equal share of it. When it
/// goes away, the queues are the driver's again.
final class QueueRings {
  let memory: SharedMemory
  private(set) var rings: [SharedRing] = []
  private let queues: Range<UInt32>
  private let interface: UInt32
  private let netdev: Netdev

  /// Makes no ring yet.
  ///
  /// - Parameter interface: The interface's index.
  init(
    over memory: SharedMemory, of queues: Range<UInt32>, ofInterface interface: UInt32,
    through netdev: Netdev
  ) {
    self.memory = memory
    self.queues = queues
    self.interface = interface
    self.netdev = netdev
  }

  /// Registers the rings.
  ///
  /// - Parameters:
  ///   - subject: The interface for people.
  ///   - bufferSize: The size of the NIC's buffers in bytes; a page if `nil`.
  /// - Throws: A failure of the kind `unsupported` where kernel, driver or memory cannot do it.
  func register(on subject: String, bufferSize: UInt32?) throws(Failure) {
    guard queues.count == 1 || !memory.buffer.isDMABuf else {
      throw Failure(
        "share", on: "a dma-buf",
        reason: "a ring takes it whole, and each of \(queues.count) queues needs a ring",
        hint: "take one queue (-q 1), or pages (--memory host)", kind: .unsupported)
    }
    let unit = max(Int(bufferSize ?? 0), pageSize)
    let size = memory.buffer.byteCount / queues.count / unit * unit
    guard size > 0 else {
      throw Failure(
        "share", on: "\(memory.buffer.byteCount) bytes of memory",
        reason: "each of \(queues.count) queues needs a buffer of \(unit) bytes at least",
        hint: "take more (--memory-size)")
    }
    for queue in queues {
      let range = rings.count * size..<(rings.count + 1) * size
      let ring = try ZeroCopyRing(
        of: queue, ofInterface: interface, named: subject, into: area(range),
        bufferSize: bufferSize)
      rings.append(SharedRing(ring, in: memory, at: range))
    }
  }

  /// A part of pages, or the whole of a dma-buf.
  private func area(_ range: Range<Int>) -> ZeroCopyRing.Area {
    if let pages = unsafe memory.buffer.pages {
      unsafe ZeroCopyRing.Area(pages: pages + range.lowerBound, byteCount: range.count)
    } else {
      ZeroCopyRing.Area(dmabuf: memory.buffer.descriptor.borrowed, byteCount: range.count)
    }
  }

  /// The kernel ends a ring in the background (`io_uring/io_uring.c`, `io_ring_exit_work`), and keeps
  /// the header split on until then.
  deinit {
    for ring in rings { ring.end() }
    let wait = Wait().limited(to: Self.patience)
    while !wait.isOver, let states = try? netdev.queues(ofInterface: interface),
      states.contains(where: { queues.contains($0.index) && $0.owner == .ioUring })
    {
      pause(for: .milliseconds(5))
    }
  }

  /// How long the kernel may take to end a ring.
  private static let patience = Duration.seconds(10)
}
