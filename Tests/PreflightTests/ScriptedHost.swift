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

  func generic() throws(Failure) -> GenericNetlink {
    let kernel = netdev.kernel { [self] request in
      switch UInt32(request.command) {
      case CLinux_NETDEV_CMD_BIND_RX.rawValue, CLinux_NETDEV_CMD_BIND_TX.rawValue:
        return [bind(request.command, try! request.attributes.required(1))]
      case CLinux_NETDEV_CMD_QUEUE_GET.rawValue:
        return (0..<nic.queueCount).map { index in
          .message(
            NetlinkBytes.attribute(1, index) + NetlinkBytes.attribute(3, UInt32(0))
              + (claims[index] ?? []))
        } + [.done()]
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
