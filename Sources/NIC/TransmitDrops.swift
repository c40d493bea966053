// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// How many packets an interface has dropped instead of sending them.
package struct TransmitDrops: Equatable, Sendable {
  /// The interface's own counter (`tx_dropped` of `rtnl_link_stats64`); `nil` where unknown.
  package let interface: UInt64?
  /// The counter of this name among the driver's (`ethtool -S`): some drivers count there only, such
  /// as gve (`gve_get_ethtool_stats`); `nil` where it has none.
  package let driver: UInt64?

  /// Counts of both kinds.
  package init(interface: UInt64?, driver: UInt64?) {
    self.interface = interface
    self.driver = driver
  }

  /// How many were dropped since an earlier look; a packet may be in both counters. A counter that
  /// began anew shows nothing.
  package func growth(since earlier: TransmitDrops) -> UInt64 {
    func growth(_ now: UInt64?, _ then: UInt64?) -> UInt64 {
      guard let now, let then, now > then else { return 0 }
      return now - then
    }
    return max(growth(interface, earlier.interface), growth(driver, earlier.driver))
  }
}

extension Interface {
  /// Reads both counters.
  package mutating func transmitDrops(in files: SystemFiles = SystemFiles()) -> TransmitDrops {
    let count = files.number("/sys/class/net/\(name)/statistics/tx_dropped")
    return TransmitDrops(
      interface: count.map(UInt64.init(clamping:)), driver: try? driverTransmitDrops())
  }

  private mutating func driverTransmitDrops() throws(Failure) -> UInt64? {
    try driverCounters().first { $0.name == "tx_dropped" }?.value
  }
}
