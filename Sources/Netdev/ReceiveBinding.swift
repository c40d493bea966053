// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
internal import Netlink

/// Device memory that RX queues write payload into. It lasts as long as the value: the kernel
/// undoes a binding when the netlink socket that made it is closed (`net/core/netdev-genl.c`,
/// `netdev_nl_sock_priv_destroy`).
package struct ReceiveBinding: ~Copyable {
  /// What a binding asks for beyond queues and memory.
  package struct Options: Equatable, Sendable {
    /// The size of the NIC's buffers in bytes; the driver's choice if `nil`.
    package var rxPageSize: UInt32?
    /// Whether a closed socket's tokens return by themselves; the kernel's choice if `nil`.
    package var autorelease: Bool?
    /// The number of the kernel's attribute for it; found out if `nil`.
    package var autoreleaseAttribute: UInt16?

    /// Asks for nothing that is not given.
    package init(
      rxPageSize: UInt32? = nil, autorelease: Bool? = nil, autoreleaseAttribute: UInt16? = nil
    ) {
      self.rxPageSize = rxPageSize
      self.autorelease = autorelease
      self.autoreleaseAttribute = autoreleaseAttribute
    }
  }

  /// The kernel's number for it, the same for all network namespaces.
  package let id: UInt32
  /// How the kernel keeps the tokens of what the queues receive.
  package let tokenMode: TokenMode
  /// Its socket holds the binding.
  private let netlink: GenericNetlink

  fileprivate init(id: UInt32, tokenMode: TokenMode, heldBy netlink: consuming GenericNetlink) {
    self.id = id
    self.tokenMode = tokenMode
    self.netlink = netlink
  }
}

/// How the kernel keeps the tokens of received fragments.
package enum TokenMode: Equatable, Sendable {
  /// Each socket has its own: a token is an id that is unique while it is outstanding, and what a
  /// closed socket has not returned comes back by itself. All released kernels do this.
  case automatic
  /// Each binding has its own: a token is the number of a page, may be outstanding several times
  /// and has to be returned as often, before the socket is closed.
  case manual
}

extension Netdev {
  /// How long a bind waits for the memory of the last binding in the other token mode, which the
  /// kernel frees some time after the binding's end.
  package static let bindPatience = Duration.seconds(2)

  /// The time between two attempts to bind.
  private static let bindInterval = Duration.milliseconds(50)

  /// Binds a dma-buf to RX queues of an interface: the driver stops and starts them for it. The
  /// corresponding command is `NETDEV_CMD_BIND_RX`.
  ///
  /// - Parameters:
  ///   - queues: Empty only to see it refused.
  ///   - subject: The interface for people.
  ///   - patience: How long to try again while the kernel has the other token mode in force.
  ///   - wait: What else ends the attempts.
  /// - Throws: A failure of the kind `unsupported` where kernel or driver cannot do it, of the kind
  ///   `stopped` after a stop between two attempts.
  package func bindReceive(
    _ queues: Range<UInt32>, ofInterface index: UInt32, named subject: String,
    to dmabuf: borrowing OwnedDescriptor, as options: ReceiveBinding.Options,
    patience: Duration = Self.bindPatience, _ wait: Wait = Wait()
  ) throws(Failure) -> ReceiveBinding {
    var request = bindRequest(
      CLinux_NETDEV_CMD_BIND_RX, interface: index, descriptor: dmabuf.borrowed)
    for queue in queues { request.put(receiveQueue: queue) }
    let choice = try capabilities.apply(options, to: &request)
    var netlink = try conversation()
    let answer = try Self.bind(
      request, on: "\(queues.namedAsQueues) of \(subject)", over: &netlink,
      choosing: choice.attribute, wait.limited(to: patience),
      refusedBy: queues.contains(0) ? Remedy.receiveOfFirst : Remedy.receive)
    return ReceiveBinding(
      id: answer.id, tokenMode: answer.tokenMode ?? choice.tokenMode, heldBy: netlink)
  }

  /// Makes the kernel bind, and tries again while another binding's token mode is in force.
  ///
  /// - Parameters:
  ///   - attribute: The kernel's attribute for the token mode, if it has one.
  ///   - wait: What ends the attempts.
  ///   - remedies: What to do about a refusal.
  /// - Returns: The kernel's number for the binding, and its token mode where the kernel reports it.
  private static func bind(
    _ request: Request, on subject: String, over netlink: inout GenericNetlink,
    choosing attribute: NetdevCapabilities.AutoreleaseAttribute?, _ wait: Wait,
    refusedBy remedies: [Remedy]
  ) throws(Failure) -> (id: UInt32, tokenMode: TokenMode?) {
    while true {
      do throws(Failure) {
        return try netlink.get(request, "bind device memory to", on: subject) {
          answer throws(Errno) in
          let id: UInt32 = try answer.required(UInt16(CLinux_NETDEV_A_DMABUF_ID.rawValue))
          guard let attribute, !attribute.isByte else { return (id, nil) }
          let autorelease: UInt32? = try answer.integer(attribute.number)
          return (id, autorelease.map { $0 == 0 ? .manual : .automatic })
        }
      } catch {
        guard error.errno == .busy, error.reason?.contains(Remedy.modeWord) == true,
          !wait.isOver
        else { throw error.explained(by: remedies) }
        try wait.pause(for: bindInterval, to: "bind device memory")
      }
    }
  }
}

extension NetdevCapabilities {
  /// Puts options into a request, as this kernel takes them.
  ///
  /// - Returns: The token mode that will be in force, unless the kernel's answer says otherwise; and
  ///   the kernel's attribute for it, if it has one.
  /// - Throws: A failure of the kind `unsupported` where this kernel's bind-rx lacks an option.
  fileprivate func apply(
    _ options: ReceiveBinding.Options, to request: inout Request
  ) throws(Failure) -> (tokenMode: TokenMode, attribute: AutoreleaseAttribute?) {
    guard bindsReceive else {
      throw Failure(
        "bind device memory", reason: "this kernel's netdev family has no bind-rx",
        hint: "it needs Linux 6.12 with CONFIG_NET_DEVMEM", kind: .unsupported)
    }
    let autorelease = try autorelease(numbered: options.autoreleaseAttribute)
    if let size = options.rxPageSize {
      guard let rxPageSizeAttribute, rxPageSizeAttribute != autorelease?.number else {
        throw Failure(
          "set the size of the NIC's buffers (-b)",
          reason: "this kernel's bind-rx has no attribute for it", hint: "it needs Linux 7.3",
          kind: .unsupported)
      }
      request.put(rxPageSizeAttribute, size)
    }
    guard let autorelease else {
      guard options.autorelease ?? true else {
        throw Failure(
          "keep tokens by binding (-a 0)", reason: "this kernel only keeps them by socket (-a 1)",
          kind: .unsupported)
      }
      return (.automatic, nil)
    }
    // Absent is 0 to a kernel that has it as a u8, and 1 to one that has it as a u32.
    guard let wish = options.autorelease else {
      return (autorelease.isByte ? .manual : .automatic, autorelease)
    }
    if autorelease.isByte {
      request.put(autorelease.number, UInt8(wish ? 1 : 0))
    } else {
      request.put(autorelease.number, UInt32(wish ? 1 : 0))
    }
    return (wish ? .automatic : .manual, autorelease)
  }
}
