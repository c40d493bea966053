// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// How far a bind gets that must fail: it names a descriptor that cannot be, so that the kernel
/// refuses it before it touches a queue (`net/core/netdev-genl.c`, `netdev_nl_bind_rx_doit` and
/// `netdev_nl_bind_tx_doit`; `net/core/devmem.c`, `net_devmem_bind_dmabuf`).
package enum HarmlessBind: Equatable, Sendable {
  /// Only the memory was wrong: `EBADF`.
  case refusedMemory
  /// The interface, its driver or the kernel cannot: `EOPNOTSUPP`, with the kernel's words.
  case unsupported(String?)
  /// The sender may not: `EPERM`.
  case notPermitted
  /// Something else is in the way.
  case refused(Errno, String?)

  /// Asks for a binding of one RX queue. The kernel (7.3) looks, in this order, at: privilege, the
  /// interface, whether its driver has queue management, whether it has such a queue and a device
  /// for DMA, and the memory. An older one, such as 6.12, looks at the memory behind the interface.
  package init(
    receivingOn interface: UInt32, queue: UInt32, over netlink: inout GenericNetlink
  ) throws(Failure) {
    var request = try Self.request(CLinux_NETDEV_CMD_BIND_RX.rawValue, interface, &netlink)
    request.nest(UInt16(CLinux_NETDEV_A_DMABUF_QUEUES.rawValue)) { nest in
      nest.put(UInt16(CLinux_NETDEV_A_QUEUE_TYPE.rawValue), CLinux_NETDEV_QUEUE_TYPE_RX.rawValue)
      nest.put(UInt16(CLinux_NETDEV_A_QUEUE_ID.rawValue), queue)
    }
    try self.init(request, over: &netlink)
  }

  /// Asks for a binding for sending: the kernel looks at the interface, whether its driver can send
  /// from device memory, and at the memory.
  package init(sendingOn interface: UInt32, over netlink: inout GenericNetlink) throws(Failure) {
    let request = try Self.request(CLinux_NETDEV_CMD_BIND_TX.rawValue, interface, &netlink)
    try self.init(request, over: &netlink)
  }

  private static func request(
    _ command: UInt32, _ interface: UInt32, _ netlink: inout GenericNetlink
  ) throws(Failure) -> Request {
    var request = Request(try netlink.family("netdev"), command: UInt8(command))
    request.put(UInt16(CLinux_NETDEV_A_DMABUF_IFINDEX.rawValue), interface)
    // As a signed integer -1, which no descriptor is.
    request.put(UInt16(CLinux_NETDEV_A_DMABUF_FD.rawValue), UInt32.max)
    return request
  }

  private init(_ request: Request, over netlink: inout GenericNetlink) throws(Failure) {
    do throws(Failure) {
      try netlink.execute(request, "try a bind of no memory")
    } catch {
      switch error.errno {
      case .badDescriptor: self = .refusedMemory
      case .notSupported: self = .unsupported(error.reason)
      case .notPermitted: self = .notPermitted
      case let errno?: self = .refused(errno, error.reason)
      case nil: throw error
      }
      return
    }
    throw Failure(
      "rely on this kernel", reason: "it bound memory that is not there",
      hint: "its checks are missing")
  }
}
