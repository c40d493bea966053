// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
internal import Netlink

/// Device memory that payload is sent from. It lasts as long as the value.
package struct TransmitBinding: ~Copyable {
  /// The kernel's number for it, which each send names.
  package let id: UInt32
  /// Its socket holds the binding.
  private let netlink: GenericNetlink

  fileprivate init(id: UInt32, heldBy netlink: consuming GenericNetlink) {
    self.id = id
    self.netlink = netlink
  }
}

extension Netdev {
  /// Binds a dma-buf to an interface for sending. Needs no privilege. The corresponding command is
  /// `NETDEV_CMD_BIND_TX`.
  ///
  /// - Parameter subject: The interface for people.
  /// - Throws: A failure of the kind `unsupported` where kernel or driver cannot do it.
  package func bindTransmit(
    interface index: UInt32, named subject: String, to dmabuf: borrowing OwnedDescriptor
  ) throws(Failure) -> TransmitBinding {
    guard capabilities.bindsTransmit else {
      throw Failure(
        "bind device memory for sending", reason: "this kernel's netdev family has no bind-tx",
        hint: "it needs Linux 6.16 with CONFIG_NET_DEVMEM", kind: .unsupported)
    }
    let request = bindRequest(
      CLinux_NETDEV_CMD_BIND_TX, interface: index, descriptor: dmabuf.borrowed)
    var netlink = try conversation()
    let id: UInt32
    do throws(Failure) {
      id = try netlink.get(request, "bind device memory for sending to", on: subject) {
        answer throws(Errno) in
        try answer.required(UInt16(CLinux_NETDEV_A_DMABUF_ID.rawValue))
      }
    } catch {
      throw error.explained(by: Remedy.transmit)
    }
    return TransmitBinding(id: id, heldBy: netlink)
  }
}
