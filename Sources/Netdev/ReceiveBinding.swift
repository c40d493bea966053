// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import Netlink

/// What a binding asks for beyond queues and memory.
package struct ReceiveBindingOptions: Equatable, Sendable {
  /// The size of the NIC's buffers in bytes; the driver's choice if `nil`.
  package var rxPageSize: UInt32?
  /// Whether a closed socket's tokens return by themselves; the kernel's choice if `nil`.
  package var autorelease: Bool?
  /// The number of the kernel's attribute for it; found out if `nil`.
  package var autoreleaseNumber: UInt16?

  package init(
    rxPageSize: UInt32? = nil, autorelease: Bool? = nil, autoreleaseNumber: UInt16? = nil
  ) {
    self.rxPageSize = rxPageSize
    self.autorelease = autorelease
    self.autoreleaseNumber = autoreleaseNumber
  }
}

/// Device memory that RX queues write payload into. It lasts as long as the value: the kernel undoes
/// a binding when the netlink socket that made it is closed (`net/core/netdev-genl.c`,
/// `netdev_nl_sock_priv_destroy`).
package struct ReceiveBinding: ~Copyable {
  /// The kernel's number for it, the same for all network namespaces.
  package let id: UInt32
  package let tokenMode: TokenMode
  private let netlink: GenericNetlink

  /// Binds a dma-buf to RX queues of an interface, which are stopped and started by that.
  ///
  /// - Parameters:
  ///   - subject: The interface for people.
  ///   - queues: Empty only to see it refused.
  ///   - patience: How long to try again while there is the other token mode, in milliseconds.
  /// - Throws: A failure of the kind `unsupported` where kernel or driver cannot do it.
  package init(
    interface index: UInt32, named subject: String, queues: Range<UInt32>,
    dmabuf: borrowing OwnedDescriptor, options: ReceiveBindingOptions = ReceiveBindingOptions(),
    over netlink: consuming GenericNetlink, patience: Int = Self.patience
  ) throws(Failure) {
    let family = try netlink.family("netdev")
    let capabilities = try NetdevCapabilities(
      of: family, asked: &netlink, autoreleaseNumber: options.autoreleaseNumber)
    var request = Request(family, command: UInt8(CLinux_NETDEV_CMD_BIND_RX.rawValue))
    request.put(UInt16(CLinux_NETDEV_A_DMABUF_IFINDEX.rawValue), index)
    request.put(UInt16(CLinux_NETDEV_A_DMABUF_FD.rawValue), UInt32(bitPattern: dmabuf.rawValue))
    for queue in queues {
      request.nest(UInt16(CLinux_NETDEV_A_DMABUF_QUEUES.rawValue)) { nest in
        nest.put(
          UInt16(CLinux_NETDEV_A_QUEUE_TYPE.rawValue), CLinux_NETDEV_QUEUE_TYPE_RX.rawValue)
        nest.put(UInt16(CLinux_NETDEV_A_QUEUE_ID.rawValue), queue)
      }
    }
    let tokenMode = try capabilities.apply(options, to: &request)
    let list = queues.count == 1 ? "queue \(queues.lowerBound)" : "queues \(queues)"
    id = try Self.bind(
      request, on: "\(list) of \(subject)", over: &netlink,
      until: .now.advanced(milliseconds: patience))
    self.tokenMode = tokenMode
    self.netlink = netlink
  }

  /// Has the kernel bind, and gives its number for that.
  private static func bind(
    _ request: Request, on subject: String, over netlink: inout GenericNetlink,
    until deadline: Instant
  ) throws(Failure) -> UInt32 {
    while true {
      do throws(Failure) {
        return try netlink.get(request, "bind device memory to", on: subject) {
          answer throws(Errno) in
          try answer.required(UInt16(CLinux_NETDEV_A_DMABUF_ID.rawValue))
        }
      } catch {
        guard error.errno == .busy, error.reason?.contains(Remedy.modeWord) == true,
          Instant.now < deadline
        else { throw error.explained(by: Remedy.receive) }
        usleep(interval)
      }
    }
  }

  /// How long to wait for the memory of the last binding in the other token mode, which the kernel
  /// frees some time after the binding's end, in milliseconds.
  package static let patience = 2_000

  /// Between two attempts, in microseconds.
  private static let interval: useconds_t = 50_000
}

extension NetdevCapabilities {
  /// Puts options into a request, as this kernel takes them.
  ///
  /// - Returns: The token mode that will be in force.
  fileprivate func apply(
    _ options: ReceiveBindingOptions, to request: inout Request
  ) throws(Failure) -> TokenMode {
    guard bindsReceive else {
      throw Failure(
        "bind device memory", reason: "this kernel's netdev family has no bind-rx",
        hint: "it needs Linux 6.12 with CONFIG_NET_DEVMEM", kind: .unsupported)
    }
    if let size = options.rxPageSize {
      guard let rxPageSizeAttribute else {
        throw Failure(
          "set the size of the NIC's buffers (-b)", reason: "this kernel's bind-rx cannot",
          hint: "it needs Linux 7.3", kind: .unsupported)
      }
      request.put(rxPageSizeAttribute, size)
    }
    guard let autorelease else {
      guard options.autorelease ?? true else {
        throw Failure(
          "keep tokens by binding (-a 0)", reason: "this kernel only keeps them by socket (-a 1)",
          kind: .unsupported)
      }
      return .automatic
    }
    // Absent is 0 to a kernel that has the attribute.
    guard let wish = options.autorelease else { return .manual }
    if autorelease.isByte {
      request.put(autorelease.number, UInt8(wish ? 1 : 0))
    } else {
      request.put(autorelease.number, UInt32(wish ? 1 : 0))
    }
    return wish ? .automatic : .manual
  }
}
