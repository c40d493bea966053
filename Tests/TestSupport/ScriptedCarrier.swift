// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import Netlink

/// A kernel with one interface, of index 7, whose carrier comes and goes.
package final class ScriptedCarrier: NetlinkAccess, @unchecked Sendable {
  // Unchecked: each test uses one thread.
  /// Its `ifi_flags`; `nil` where it is gone.
  package var flags: UInt32? = UInt32(IFF_UP.rawValue)
  /// The corresponding C constants begin with `IF_OPER_`.
  package var state: UInt8 = 6
  /// 1 where the driver has a carrier.
  package var hasCarrier: UInt8 = 1
  /// How often the carrier was lost or came back.
  package var changes: UInt32 = 3
  /// After how many looks the carrier is back.
  package var looksUntilReturn = Int.max
  /// How often the link was asked for.
  package private(set) var looks = 0

  /// One that is up, with its carrier.
  package init() {}

  /// There is none.
  package func generic() throws(Failure) -> GenericNetlink {
    throw Failure("open", errno: .notSupported)
  }

  /// A conversation of rtnetlink, for one look.
  package func route() throws(Failure) -> RouteNetlink {
    looks += 1
    if looksUntilReturn == 0 { (state, hasCarrier) = (6, 1) }
    looksUntilReturn -= 1
    return RouteNetlink(
      over: ScriptedRoute(
        interface: 7, flags: flags,
        link: NetlinkBytes.attribute(IFLA_OPERSTATE, state)
          + NetlinkBytes.attribute(IFLA_CARRIER, hasCarrier)
          + NetlinkBytes.attribute(IFLA_CARRIER_CHANGES, changes)
          + NetlinkBytes.attribute(IFLA_MTU, UInt32(1500))))
  }
}
