// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel
internal import Netlink

/// A page pool, from which a driver takes the buffers of a queue, as the kernel reports it. The
/// corresponding command is `NETDEV_CMD_PAGE_POOL_GET`.
package struct PagePoolState: Equatable, Sendable {
  /// The kernel's number for it.
  package let id: UInt64
  /// The index of the pool's interface; `nil` once that is gone.
  package let interface: UInt32?
  /// How many buffers are out: in the queue, in sockets, with programs.
  package let inFlight: UInt64
  /// Whether the driver gave the pool up, so that it only waits for its buffers.
  package let isDetached: Bool
  /// The binding whose memory the buffers are, if it is device memory.
  package let binding: UInt32?

  /// Reads one answer.
  ///
  /// - Throws: `EBADMSG` where it lacks what every pool has.
  init(_ answer: Attributes) throws(Errno) {
    guard let id = try answer.uint(UInt16(CLinux_NETDEV_A_PAGE_POOL_ID.rawValue)) else {
      throw .badMessage
    }
    self.id = id
    interface = try answer.integer(UInt16(CLinux_NETDEV_A_PAGE_POOL_IFINDEX.rawValue))
    inFlight = try answer.uint(UInt16(CLinux_NETDEV_A_PAGE_POOL_INFLIGHT.rawValue)) ?? 0
    isDetached = answer.bytes(UInt16(CLinux_NETDEV_A_PAGE_POOL_DETACH_TIME.rawValue)) != nil
    binding = try answer.integer(UInt16(CLinux_NETDEV_A_PAGE_POOL_DMABUF.rawValue))
  }
}
