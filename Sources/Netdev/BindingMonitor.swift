// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import Netlink

/// What the kernel tells of bindings, asked apart from the socket that holds one: the witness that
/// memory is bound as it should be, and given back.
package struct BindingMonitor: ~Copyable {
  private var netlink: GenericNetlink
  private let family: Family

  /// Finds the netdev family.
  ///
  /// - Throws: A failure of the kind `unsupported` where the kernel has none.
  package init(over netlink: consuming GenericNetlink) throws(Failure) {
    family = try netlink.family("netdev")
    self.netlink = netlink
  }

  /// The queues of an interface, of both directions; none while it is down.
  package mutating func queues(ofInterface index: UInt32) throws(Failure) -> [QueueState] {
    var request = Request(family, command: UInt8(CLinux_NETDEV_CMD_QUEUE_GET.rawValue))
    request.put(UInt16(CLinux_NETDEV_A_QUEUE_IFINDEX.rawValue), index)
    return try netlink.dump(request, "list the queues of", on: "interface \(index)") {
      answer throws(Errno) in
      try QueueState(answer)
    }
  }

  /// The page pools of all interfaces of the network namespace.
  package mutating func pagePools() throws(Failure) -> [PagePoolState] {
    let request = Request(family, command: UInt8(CLinux_NETDEV_CMD_PAGE_POOL_GET.rawValue))
    return try netlink.dump(request, "list page pools") { answer throws(Errno) in
      try PagePoolState(answer)
    }
  }

  /// What the driver counted for each RX queue of an interface, by the queue's index; empty where
  /// it counts nothing.
  package mutating func receiveStatistics(
    ofInterface index: UInt32
  ) throws(Failure) -> [UInt32: QueueStatistics] {
    var request = Request(family, command: UInt8(CLinux_NETDEV_CMD_QSTATS_GET.rawValue))
    request.put(UInt16(CLinux_NETDEV_A_QSTATS_IFINDEX.rawValue), index)
    request.put(
      UInt16(CLinux_NETDEV_A_QSTATS_SCOPE.rawValue), UInt32(CLinux_NETDEV_QSTATS_SCOPE_QUEUE))
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
  /// - Throws: A failure that tells what still holds it when the deadline passes.
  package mutating func waitUntilReleased(
    _ binding: UInt32, interface index: UInt32, until deadline: Instant
  ) throws(Failure) {
    while true {
      let queues = try queues(ofInterface: index).filter { $0.owner == .binding(binding) }
      let pools = try pagePools().filter { $0.binding == binding }
      if queues.isEmpty && pools.isEmpty { return }
      guard Instant.now < deadline else {
        throw Failure(
          "see released", on: "binding \(binding)",
          reason: (queues.map(\.claim) + pools.map(\.claim)).joined(separator: ", "))
      }
      usleep(Self.interval)
    }
  }

  /// Between two looks, in microseconds.
  private static let interval: useconds_t = 20_000
}

extension QueueState {
  fileprivate var claim: String { "queue \(index) has it" }
}

extension PagePoolState {
  fileprivate var claim: String { "page pool \(id) waits for \(inFlight) buffers" }
}
