// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Kernel
import NIC
import Netlink
import TestSupport
import Testing

/// A driver with counters of its own.
private struct CountingDevice: EthtoolDevice, ~Copyable {
  let names: [String]

  mutating func perform(_ request: inout [UInt8]) throws(Errno) -> CInt {
    switch CInt(try UInt32(wire: request[0..<4])) {
    case ETHTOOL_GSSET_INFO:
      request.replaceSubrange(16..<20, with: NetlinkBytes.bytes(UInt32(names.count)))
    case ETHTOOL_GSTRINGS:
      for (place, name) in names.enumerated() {
        let start = 12 + place * 32
        request.replaceSubrange(start..<start + name.utf8.count, with: Array(name.utf8))
      }
    case ETHTOOL_GSTATS:
      for place in names.indices {
        let start = 8 + place * 8
        request.replaceSubrange(
          start..<start + 8, with: NetlinkBytes.bytes(UInt64(100 + place)))
      }
    default: throw .notSupported
    }
    return 0
  }
}

struct TransmitDropsTests {
  private func drops(_ names: [String]) throws -> TransmitDrops {
    let kernel = ScriptedNetlink(families: ["ethtool": 20])
    var interface = try Interface(
      named: "eth0", index: 2, device: CountingDevice(names: names),
      netlink: GenericNetlink(over: kernel),
      listeningBy: { _ throws(Failure) in throw Failure("listen", errno: .noEntry) })
    let directory = try Directory()
    return interface.transmitDrops(in: SystemFiles(below: directory.path))
  }

  @Test("a driver's own counter is found by its name")
  func readsDriver() throws {
    #expect(
      try drops(["rx_dropped", "tx_bytes", "tx_dropped"])
        == TransmitDrops(interface: nil, driver: 102))
    #expect(try drops(["tx_dropped[0]"]) == TransmitDrops(interface: nil, driver: nil))
    #expect(try drops([]) == TransmitDrops(interface: nil, driver: nil))
  }
}
