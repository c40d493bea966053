// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Kernel
import NIC
import TestSupport
import Testing

struct RequestCountTests {
  private let nic = ScriptedNIC()

  private func count(_ command: Int) -> Int {
    nic.commands.lazy.filter { $0 == CInt(command) }.count
  }

  @Test("to move RSS, the queues are counted once, and the free ones listed only where it matters")
  func countsQueuesOnce() throws {
    var transaction = Transaction(on: try nic.interface())
    var lookCount = 0
    func free() -> Set<UInt32> {
      lookCount += 1
      return [1]
    }
    try transaction.moveRSS(off: [3], orTo: free())
    #expect(nic.table == [0, 1, 2, 0, 0, 1, 2, 1])
    #expect(count(Int(ETHTOOL_GRXRINGS)) == 1)
    #expect(lookCount == 0)
    nic.table = [3, 3, 3, 3, 3, 3, 3, 3]
    try transaction.moveRSS(off: [3], orTo: free())
    #expect(nic.table == [1, 1, 1, 1, 1, 1, 1, 1])
    #expect(lookCount == 1)
  }

  @Test("a feature is switched without a look at all features")
  func switchesWithoutLook() throws {
    var interface = try nic.interface()
    try interface.setFeature(Feature.ntuple, to: true)
    #expect(nic.ntuple.isActive)
    #expect(count(Int(ETHTOOL_GFEATURES)) == 0)
  }

  @Test("the names of the features are read once")
  func readsNamesOnce() throws {
    var interface = try nic.interface()
    #expect(try interface.features() == interface.features())
    try interface.setFeature(Feature.ntuple, to: true)
    #expect(nic.ntuple.isActive)
    #expect(count(Int(ETHTOOL_GSTRINGS)) == 1)
  }
}
