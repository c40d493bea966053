// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Kernel
import NIC
import Netlink
import TestSupport

/// A driver with counters of its own: of 100 and more, one by one.
final class CountingDevice: EthtoolDevice {
  let names: [String]
  /// What the first counter has.
  var first: UInt64 = 100
  /// Whether it has another number of counters each time.
  var isChanging = false

  init(_ names: [String]) { self.names = names }

  func perform(_ request: inout [UInt8]) throws(Errno) -> CInt {
    switch CInt(try UInt32(wire: request[0..<4])) {
    case ETHTOOL_GSSET_INFO:
      request.replaceSubrange(16..<20, with: NetlinkBytes.bytes(UInt32(names.count)))
    case ETHTOOL_GSTRINGS:
      for (place, name) in names.enumerated() {
        let start = 12 + place * 32
        request.replaceSubrange(start..<start + name.utf8.count, with: Array(name.utf8))
      }
    case ETHTOOL_GSTATS:
      if isChanging {
        request.replaceSubrange(4..<8, with: [0, 0, 0, 0])
        return 0
      }
      for place in names.indices {
        let start = 8 + place * 8
        request.replaceSubrange(
          start..<start + 8, with: NetlinkBytes.bytes(first + UInt64(place)))
      }
    default: throw .notSupported
    }
    return 0
  }
}

extension Interface {
  /// An interface whose driver is reached by ioctl only.
  init(behind device: some EthtoolDevice) throws(Failure) {
    try self.init(
      named: "eth0", index: 2, device: device,
      netlink: GenericNetlink(over: ScriptedNetlink(families: ["ethtool": 20])),
      listeningBy: { _ throws(Failure) in throw Failure("listen", errno: .noEntry) })
  }
}
