// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// A client of the kernel's netdev family, which binds device memory and describes queues and page
/// pools. It asks once what the family supports. Each binding and each question has a socket of its
/// own: what a question returns is seen apart from the socket that holds a binding.
package struct Netdev {
  /// What the family supports.
  package let capabilities: NetdevCapabilities
  private let family: Family
  private let access: any NetlinkAccess

  /// What each command demands of the sender, by the command's number. A command that is not
  /// listed, the family lacks.
  package var commands: [UInt8: CommandPrivilege] { family.commands }

  /// Asks the kernel for the family, its commands and the policies of its binds.
  ///
  /// - Parameter access: Opens a conversation with the kernel, now and for each binding.
  /// - Throws: A failure of the kind `unsupported` where the kernel has no such family.
  package init(through access: any NetlinkAccess = KernelNetlink()) throws(Failure) {
    var netlink = try access.generic()
    family = try netlink.family("netdev")
    capabilities = try NetdevCapabilities(of: family, asked: &netlink)
    self.access = access
  }

  /// A conversation of its own, to ask or to hold a binding.
  func conversation() throws(Failure) -> GenericNetlink { try access.generic() }

  /// A request of the family, without attributes.
  func request(_ command: CLinux_netdev_command) -> Request {
    Request(family, command: UInt8(command.rawValue))
  }

  /// A request to bind a dma-buf to an interface, without queues.
  ///
  /// - Parameters:
  ///   - command: `NETDEV_CMD_BIND_RX` or `NETDEV_CMD_BIND_TX`.
  ///   - descriptor: The dma-buf.
  func bindRequest(
    _ command: CLinux_netdev_command, interface index: UInt32, descriptor: Descriptor
  ) -> Request {
    var request = request(command)
    request.put(UInt16(CLinux_NETDEV_A_DMABUF_IFINDEX.rawValue), index)
    request.put(
      UInt16(CLinux_NETDEV_A_DMABUF_FD.rawValue), UInt32(bitPattern: descriptor.rawValue))
    return request
  }
}

extension Request {
  /// Puts an RX queue to bind.
  mutating func put(receiveQueue queue: UInt32) {
    nest(UInt16(CLinux_NETDEV_A_DMABUF_QUEUES.rawValue)) { nest in
      nest.put(UInt16(CLinux_NETDEV_A_QUEUE_TYPE.rawValue), CLinux_NETDEV_QUEUE_TYPE_RX.rawValue)
      nest.put(UInt16(CLinux_NETDEV_A_QUEUE_ID.rawValue), queue)
    }
  }
}

/// What the kernel reports.
extension Netdev {
  /// The queues of an interface, of both directions; none while it is down. The corresponding
  /// command is `NETDEV_CMD_QUEUE_GET`.
  ///
  /// - Throws: A failure with the kernel's error; with `EBADMSG` for an answer that makes no sense.
  package func queues(ofInterface index: UInt32) throws(Failure) -> [QueueState] {
    var netlink = try conversation()
    return try queues(ofInterface: index, asked: &netlink)
  }

  /// The RX queues of an interface that have no binding, no lease and no AF_XDP socket; none while
  /// it is down.
  ///
  /// - Throws: As `queues(ofInterface:)`.
  package func freeQueues(ofInterface index: UInt32) throws(Failure) -> Set<UInt32> {
    Set(try queues(ofInterface: index).filter(\.isFreeToReceive).map(\.index))
  }

  /// The interrupts that call for the NAPI instances of some RX queues of an interface; none of a
  /// queue whose driver does not report it. The corresponding command is `NETDEV_CMD_NAPI_GET`.
  ///
  /// - Throws: A failure with the kernel's error; with `EBADMSG` for an answer that makes no sense.
  package func interrupts(
    of queues: Range<UInt32>, ofInterface index: UInt32
  ) throws(Failure) -> Set<UInt32> {
    var netlink = try conversation()
    let instances = Set(
      try self.queues(ofInterface: index, asked: &netlink)
        .filter { $0.direction == .receive && queues.contains($0.index) }.compactMap(\.napi))
    guard !instances.isEmpty else { return [] }
    var request = request(CLinux_NETDEV_CMD_NAPI_GET)
    request.put(UInt16(CLinux_NETDEV_A_NAPI_IFINDEX.rawValue), index)
    let answers = try netlink.dump(
      request, "list the NAPI instances of", on: "interface \(index)"
    ) { answer throws(Errno) in
      let id: UInt32 = try answer.required(UInt16(CLinux_NETDEV_A_NAPI_ID.rawValue))
      let interrupt: UInt32? = try answer.integer(UInt16(CLinux_NETDEV_A_NAPI_IRQ.rawValue))
      return (id, interrupt)
    }
    return Set(answers.filter { instances.contains($0.0) }.compactMap(\.1))
  }

  /// The RX queues of this network namespace's interfaces that are leased to an interface of it.
  ///
  /// - Throws: As `queues(ofInterface:)`.
  package func queues(leasedToInterface index: UInt32) throws(Failure) -> [QueueState] {
    var netlink = try conversation()
    return try queues(ofInterface: nil, asked: &netlink).filter { queue in
      queue.lease.map { $0.interface == index && !$0.isElsewhere } ?? false
    }
  }

  /// The page pools of all interfaces of the network namespace. The corresponding command is
  /// `NETDEV_CMD_PAGE_POOL_GET`.
  ///
  /// - Throws: A failure with the kernel's error; with `EBADMSG` for an answer that makes no sense.
  package func pagePools() throws(Failure) -> [PagePoolState] {
    var netlink = try conversation()
    return try pagePools(asked: &netlink)
  }

  /// What the driver counted for each RX queue of an interface, by the queue's index; empty where
  /// it counts nothing. The corresponding command is `NETDEV_CMD_QSTATS_GET`.
  ///
  /// - Throws: A failure with the kernel's error; with `EBADMSG` for an answer that makes no sense.
  package func receiveStatistics(
    ofInterface index: UInt32
  ) throws(Failure) -> [UInt32: QueueStatistics] {
    var request = request(CLinux_NETDEV_CMD_QSTATS_GET)
    request.put(UInt16(CLinux_NETDEV_A_QSTATS_IFINDEX.rawValue), index)
    request.put(
      UInt16(CLinux_NETDEV_A_QSTATS_SCOPE.rawValue), UInt32(CLinux_NETDEV_QSTATS_SCOPE_QUEUE))
    var netlink = try conversation()
    do throws(Failure) {
      let answers = try netlink.dump(
        request, "read the queue statistics of", on: "interface \(index)"
      ) { answer throws(Errno) in
        let type: UInt32 = try answer.required(
          UInt16(CLinux_NETDEV_A_QSTATS_QUEUE_TYPE.rawValue))
        let queue: UInt32 = try answer.required(UInt16(CLinux_NETDEV_A_QSTATS_QUEUE_ID.rawValue))
        return (queue, type, try QueueStatistics(answer))
      }
      let received = answers.filter { $0.1 == CLinux_NETDEV_QUEUE_TYPE_RX.rawValue }
      return Dictionary(received.map { ($0.0, $0.2) }) { first, _ in first }
    } catch {
      guard error.errno == .notSupported else { throw error }
      return [:]
    }
  }

  /// Waits until nothing holds a binding's memory any more: no queue of the interface that it was
  /// bound to, and no page pool, which a fragment that was not returned keeps alive.
  ///
  /// - Throws: A failure that names what still holds it when the deadline passes; one of the kind
  ///   `stopped` after a stop.
  package func waitUntilReleased(
    _ binding: UInt32, ofInterface index: UInt32, _ wait: Wait
  ) throws(Failure) {
    var netlink = try conversation()
    while true {
      let queues = try queues(ofInterface: index, asked: &netlink)
        .filter { $0.owner == .binding(binding) }
      let pools = try pagePools(asked: &netlink).filter { $0.binding == binding }
      if queues.isEmpty && pools.isEmpty { return }
      guard !wait.isOver else {
        throw Failure(
          "wait for the release of", on: "binding \(binding)",
          reason: (queues.map(\.claim) + pools.map(\.claim)).joined(separator: ", "))
      }
      try wait.check("wait for the release of binding \(binding)")
      pause(for: Self.lookInterval)
    }
  }

  /// The time between two checks of queues and pools.
  private static let lookInterval = Duration.milliseconds(20)

  /// - Parameter index: All interfaces if `nil`.
  private func queues(
    ofInterface index: UInt32?, asked netlink: inout GenericNetlink
  ) throws(Failure) -> [QueueState] {
    var request = request(CLinux_NETDEV_CMD_QUEUE_GET)
    if let index { request.put(UInt16(CLinux_NETDEV_A_QUEUE_IFINDEX.rawValue), index) }
    let subject = index.map { "interface \($0)" } ?? "all interfaces"
    return try netlink.dump(request, "list the queues of", on: subject) {
      answer throws(Errno) in
      try QueueState(answer)
    }
  }

  private func pagePools(asked netlink: inout GenericNetlink) throws(Failure) -> [PagePoolState] {
    try netlink.dump(request(CLinux_NETDEV_CMD_PAGE_POOL_GET), "list page pools") {
      answer throws(Errno) in
      try PagePoolState(answer)
    }
  }
}

extension QueueState {
  /// What the queue holds, for people.
  fileprivate var claim: String { "queue \(index) has it" }
}

extension PagePoolState {
  /// What the pool holds, for people.
  fileprivate var claim: String { "page pool \(id) waits for \(inFlight) buffers" }
}
