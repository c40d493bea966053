// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// How far a bind gets that must fail: it names a descriptor that cannot be, so that the kernel
/// refuses it before it touches a queue (`net/core/netdev-genl.c`, `netdev_nl_bind_rx_doit` and
/// `netdev_nl_bind_tx_doit`; `net/core/devmem.c`, `net_devmem_bind_dmabuf`).
package enum TrialBind: Equatable, Sendable {
  /// Only the memory was wrong: `EBADF`.
  case refusedMemory
  /// The interface, its driver or the kernel cannot do it: `EOPNOTSUPP`.
  case unsupported(Refusal)
  /// The sender may not: `EPERM`.
  case notPermitted
  /// The kernel refuses for another reason.
  case refused(Refusal)

  fileprivate init(_ refusal: Refusal) {
    switch refusal.errno {
    case .badDescriptor: self = .refusedMemory
    case .notSupported: self = .unsupported(refusal)
    case .notPermitted: self = .notPermitted
    default: self = .refused(refusal)
    }
  }
}

extension Netdev {
  /// Tries a binding of one RX queue without memory. The kernel (7.3) checks, in this order:
  /// privilege, the interface, whether its driver has queue management, whether it has such a queue
  /// and a device for DMA, and the memory. An older one, such as 6.12, checks the memory right
  /// after the interface.
  ///
  /// - Throws: A failure where the kernel gives no answer that makes sense, or binds.
  package func tryReceive(
    onInterface index: UInt32, queue: UInt32
  ) throws(Failure) -> TrialBind {
    try tryReceive(onInterface: index, queues: queue..<queue + 1)
  }

  /// Why some RX queues cannot be bound together: a NIC with several PCI functions (mlx5's Socket
  /// Direct) has queues of each in turn, and a binding has one device for DMA
  /// (`net/core/netdev-genl.c`, `netdev_nl_get_dma_dev`).
  ///
  /// - Returns: The kernel's words; `nil` where they have the same device, or it says nothing of it.
  /// - Throws: As `tryReceive(onInterface:queue:)`.
  package func differenceOfDevices(
    among queues: Range<UInt32>, ofInterface index: UInt32
  ) throws(Failure) -> String? {
    guard case .unsupported(let refusal) = try tryReceive(onInterface: index, queues: queues),
      let words = refusal.words, words.contains(Remedy.deviceWord)
    else { return nil }
    return words
  }

  private func tryReceive(
    onInterface index: UInt32, queues: Range<UInt32>
  ) throws(Failure) -> TrialBind {
    var request = bindRequest(CLinux_NETDEV_CMD_BIND_RX, interface: index, descriptor: .invalid)
    for queue in queues { request.put(receiveQueue: queue) }
    return try outcome(of: request)
  }

  /// Tries a binding for sending without memory: the kernel checks the interface, whether its
  /// driver can send from device memory, and the memory.
  ///
  /// - Throws: A failure where the kernel gives no answer that makes sense, or binds.
  package func trySend(onInterface index: UInt32) throws(Failure) -> TrialBind {
    try outcome(
      of: bindRequest(CLinux_NETDEV_CMD_BIND_TX, interface: index, descriptor: .invalid))
  }

  private func outcome(of request: Request) throws(Failure) -> TrialBind {
    var netlink = try conversation()
    guard let refusal = try netlink.refusal(of: request, "try a bind of no memory") else {
      throw Failure(
        "rely on this kernel", reason: "it bound memory that is not there",
        hint: "its checks are missing")
    }
    return TrialBind(refusal)
  }
}

extension Descriptor {
  /// -1, which no descriptor is.
  fileprivate static let invalid = Descriptor(-1)
}
