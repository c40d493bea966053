// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import NIC
import TestSupport
import Testing

struct TransmitDropsTests {
  private func drops(_ names: [String]) throws -> TransmitDrops {
    var interface = try Interface(behind: CountingDevice(names))
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
