// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// Device memory that payload is sent from. It lasts as long as the value.
package struct TransmitBinding: ~Copyable {
  /// The kernel's number for it, which each send names.
  package let id: UInt32
  private let netlink: GenericNetlink

  /// Binds a dma-buf to an interface for sending. Needs no privilege.
  ///
  /// - Parameter subject: The interface for people.
  /// - Throws: A failure of the kind `unsupported` where kernel or driver cannot do it.
  package init(
    interface index: UInt32, named subject: String, dmabuf: borrowing OwnedDescriptor,
    over netlink: consuming GenericNetlink
  ) throws(Failure) {
    let family = try netlink.family("netdev")
    guard try NetdevCapabilities(of: family, asked: &netlink).bindsTransmit else {
      throw Failure(
        "bind device memory for sending", reason: "this kernel's netdev family has no bind-tx",
        hint: "it needs Linux 6.16 with CONFIG_NET_DEVMEM", kind: .unsupported)
    }
    var request = Request(family, command: UInt8(CLinux_NETDEV_CMD_BIND_TX.rawValue))
    request.put(UInt16(CLinux_NETDEV_A_DMABUF_IFINDEX.rawValue), index)
    request.put(UInt16(CLinux_NETDEV_A_DMABUF_FD.rawValue), UInt32(bitPattern: dmabuf.rawValue))
    let id: UInt32
    do throws(Failure) {
      id = try netlink.get(request, "bind device memory for sending to", on: subject) {
        answer throws(Errno) in
        try answer.required(UInt16(CLinux_NETDEV_A_DMABUF_ID.rawValue))
      }
    } catch {
      throw error.explained(by: Remedy.transmit)
    }
    self.id = id
    self.netlink = netlink
  }
}
