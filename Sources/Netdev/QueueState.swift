// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel
internal import Netlink

/// A queue of an interface that is up, as the kernel reports it. The corresponding command is
/// `NETDEV_CMD_QUEUE_GET`.
package struct QueueState: Equatable, Sendable {
  /// Which way a queue carries packets.
  package enum Direction: UInt32, Sendable {
    /// The corresponding C constant is `NETDEV_QUEUE_TYPE_RX`.
    case receive = 0
    /// The corresponding C constant is `NETDEV_QUEUE_TYPE_TX`.
    case transmit = 1
  }

  /// Who gives a queue its memory, if not the driver.
  package enum Owner: Equatable, Sendable {
    /// The binding of this id.
    case binding(UInt32)
    /// An io_uring instance that receives without copies.
    case ioUring
    /// An AF_XDP socket.
    case xdpSocket
  }

  /// A queue of a virtual interface that stands for one of a physical NIC.
  package struct Lease: Equatable, Sendable {
    /// The virtual interface's index.
    package let interface: UInt32
    /// The index of its queue.
    package let queue: UInt32
    /// Whether that interface is in another network namespace than the NIC.
    package let isElsewhere: Bool
  }

  /// The interface's index.
  package let interface: UInt32
  /// Counted from 0, for each direction anew.
  package let index: UInt32
  /// Which way it carries packets; `nil` for a type of queue that this program does not know.
  package let direction: Direction?
  /// The NAPI instance that serves the queue; `nil` where the driver does not report it.
  package let napi: UInt32?
  /// Who gives it its memory; `nil` where the driver does.
  package let owner: Owner?
  /// Which queue stands for this one; `nil` where none does. The kernel reports it of the physical
  /// queue only (`net/core/netdev-genl.c`, `netdev_nl_queue_fill_lease`).
  package let lease: Lease?

  /// Whether it receives, and nobody has taken it.
  package var isFreeToReceive: Bool { direction == .receive && owner == nil && lease == nil }

  /// Whether the driver has been made to restart it with memory that is not the driver's: an AF_XDP
  /// socket's comes by another way.
  package var hasForeignMemory: Bool {
    guard direction == .receive else { return false }
    return switch owner {
    case .binding, .ioUring: true
    case .xdpSocket, nil: false
    }
  }

  /// Reads one answer.
  ///
  /// - Throws: `EBADMSG` where it lacks what every queue has.
  init(_ answer: Attributes) throws(Errno) {
    index = try answer.required(UInt16(CLinux_NETDEV_A_QUEUE_ID.rawValue))
    let type: UInt32 = try answer.required(UInt16(CLinux_NETDEV_A_QUEUE_TYPE.rawValue))
    direction = Direction(rawValue: type)
    napi = try answer.integer(UInt16(CLinux_NETDEV_A_QUEUE_NAPI_ID.rawValue))
    interface = try answer.integer(UInt16(CLinux_NETDEV_A_QUEUE_IFINDEX.rawValue)) ?? 0
    lease = try answer.nest(UInt16(CLinux_NETDEV_A_QUEUE_LEASE.rawValue)).map {
      nest throws(Errno) in try Lease(nest)
    }
    if let id: UInt32 = try answer.integer(UInt16(CLinux_NETDEV_A_QUEUE_DMABUF.rawValue)) {
      owner = .binding(id)
    } else if answer.bytes(UInt16(CLinux_NETDEV_A_QUEUE_IO_URING.rawValue)) != nil {
      owner = .ioUring
    } else if answer.bytes(UInt16(CLinux_NETDEV_A_QUEUE_XSK.rawValue)) != nil {
      owner = .xdpSocket
    } else {
      owner = nil
    }
  }
}

extension QueueState.Lease {
  fileprivate init(_ nest: Attributes) throws(Errno) {
    interface = try nest.required(UInt16(CLinux_NETDEV_A_LEASE_IFINDEX.rawValue))
    let queue = try nest.nest(UInt16(CLinux_NETDEV_A_LEASE_QUEUE.rawValue))
    guard let queue else { throw .badMessage }
    self.queue = try queue.required(UInt16(CLinux_NETDEV_A_QUEUE_ID.rawValue))
    isElsewhere = nest.bytes(UInt16(CLinux_NETDEV_A_LEASE_NETNS_ID.rawValue)) != nil
  }
}

extension Sequence<QueueState> {
  /// The only RX queue that a NAPI instance serves; `nil` where that is none, or more than one.
  package func receiveQueue(servedBy napi: UInt32?) -> UInt32? {
    guard let napi else { return nil }
    let served = filter { $0.direction == .receive && $0.napi == napi }
    return served.count == 1 ? served[0].index : nil
  }
}
