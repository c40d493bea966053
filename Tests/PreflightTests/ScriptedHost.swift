// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Glibc
import Kernel
import Netlink
import Options
import Preflight
import TestSupport

/// A host with one NIC, played by a test: all that a preflight asks.
final class ScriptedHost: NetlinkAccess {
  /// What a bind of an interface is answered with; the loopback's index is 1.
  var bind: (_ command: UInt8, _ interface: UInt32) -> ScriptedNetlink.Answer = { _, interface in
    .refused(interface == 1 ? EOPNOTSUPP : EBADF)
  }
  /// What a bind of a queue of the NIC is answered with; as `bind` has it if `nil`.
  var bindQueue: ((_ queue: UInt32) -> ScriptedNetlink.Answer)?
  /// Attributes of RX queues of another interface, 12345.
  var leases: [UInt32: [UInt8]] = [:]
  /// Attributes of each RX queue: who has it.
  var claims: [UInt32: [UInt8]] = [:]
  var pools: [ScriptedNetlink.Answer] = []
  var mtu: UInt32 = 1500
  /// `IFF_UP`.
  var linkFlags: UInt32 = 1
  /// `IF_OPER_UP`.
  var operation: UInt8 = 6
  var xdp: [UInt8] = []
  var netdev = ScriptedNetdev.linux73
  var privileges = Privileges(administersNetwork: true, own: .initial, owner: .initial)
  let nic = ScriptedNIC()

  /// What a check of it finds, by item.
  func look(
    _ files: Directory, for change: (inout Configuration.Target) -> Void = { _ in }
  ) throws -> [String: Observation] {
    var environment = Preflight.Environment()
    environment.files = files.files
    environment.privileges = privileges
    environment.netlink = self
    environment.places = [files.path + "/run"]
    environment.lockPrefix = files.path
    var target = Configuration.Target(interface: "nic0")
    target.memory.byteCount = 64 << 20
    change(&target)
    var preflight = Preflight(of: try nic.interface(), for: target, in: environment)
    let findings = preflight.interfaceFindings() + preflight.hostFindings()
    return Dictionary(uniqueKeysWithValues: findings.map { ($0.item, $0.observation) })
  }

  /// The attribute of a queue that is leased to an interface, as one of its queues.
  static func lease(of queue: UInt32, to interface: UInt32, elsewhere: Bool = false) -> [UInt8] {
    let queue = NetlinkBytes.attribute(1, queue) + NetlinkBytes.attribute(3, UInt32(0))
    let namespace = elsewhere ? NetlinkBytes.attribute(3, UInt32(0)) : []
    return NetlinkBytes.nest(
      8, NetlinkBytes.nest(2, queue) + NetlinkBytes.attribute(1, interface) + namespace)
  }

  func generic() throws(Failure) -> GenericNetlink {
    let kernel = netdev.kernel { [self] request in
      switch UInt32(request.command) {
      case CLinux_NETDEV_CMD_BIND_RX.rawValue, CLinux_NETDEV_CMD_BIND_TX.rawValue:
        let interface: UInt32 = try! request.attributes.required(1)
        if let bindQueue, interface == 7, let queue = try! request.attributes.nest(2) {
          return [bindQueue(try! queue.required(1))]
        }
        return [bind(request.command, interface)]
      case CLinux_NETDEV_CMD_QUEUE_GET.rawValue:
        func queue(_ index: UInt32, of interface: UInt32, _ claim: [UInt8]?)
          -> ScriptedNetlink.Answer
        {
          .message(
            NetlinkBytes.attribute(1, index) + NetlinkBytes.attribute(2, interface)
              + NetlinkBytes.attribute(3, UInt32(0)) + (claim ?? []))
        }
        let own = (0..<nic.queueCount).map { queue($0, of: 7, claims[$0]) }
        let isForOne = try! request.attributes.integer(2) as UInt32? != nil
        let others = isForOne ? [] : leases.map { queue($0.key, of: 12345, $0.value) }
        return own + others + [.done()]
      case CLinux_NETDEV_CMD_PAGE_POOL_GET.rawValue: return pools + [.done()]
      default: return [.refused(EOPNOTSUPP)]
      }
    }
    return GenericNetlink(over: kernel)
  }

  func route() throws(Failure) -> RouteNetlink {
    RouteNetlink(
      over: ScriptedRoute(
        interface: 7, flags: linkFlags,
        link: NetlinkBytes.attribute(IFLA_MTU, mtu)
          + NetlinkBytes.attribute(IFLA_OPERSTATE, operation)
          + NetlinkBytes.nest(IFLA_XDP, xdp)))
  }
}
