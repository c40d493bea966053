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

  /// Counted from 0, for each direction anew.
  package let index: UInt32
  /// Which way it carries packets; `nil` for a type of queue that this program does not know.
  package let direction: Direction?
  /// The NAPI instance that serves the queue; `nil` where the driver does not report it.
  package let napi: UInt32?
  /// Who gives it its memory; `nil` where the driver does.
  package let owner: Owner?
  /// Whether a queue of another interface stands for this one, or this one for another's.
  package let isLeased: Bool

  /// Whether it receives, and nobody has taken it.
  package var isFreeToReceive: Bool { direction == .receive && owner == nil && !isLeased }

  /// Reads one answer.
  ///
  /// - Throws: `EBADMSG` where it lacks what every queue has.
  init(_ answer: Attributes) throws(Errno) {
    index = try answer.required(UInt16(CLinux_NETDEV_A_QUEUE_ID.rawValue))
    let type: UInt32 = try answer.required(UInt16(CLinux_NETDEV_A_QUEUE_TYPE.rawValue))
    direction = Direction(rawValue: type)
    napi = try answer.integer(UInt16(CLinux_NETDEV_A_QUEUE_NAPI_ID.rawValue))
    isLeased = answer.bytes(UInt16(CLinux_NETDEV_A_QUEUE_LEASE.rawValue)) != nil
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

extension Sequence<QueueState> {
  /// The only RX queue that a NAPI instance serves; `nil` where that is none, or more than one.
  package func receiveQueue(servedBy napi: UInt32?) -> UInt32? {
    guard let napi else { return nil }
    let served = filter { $0.direction == .receive && $0.napi == napi }
    return served.count == 1 ? served[0].index : nil
  }
}
