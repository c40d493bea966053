// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netdev
import Netlink
import TestSupport
import Testing

struct CarrierTests {
  private let host = ScriptedCarrier()

  @Test("a carrier that is there is looked for once")
  func there() throws {
    let carrier = Carrier(ofInterface: 7, named: "nic0", through: host)
    #expect(carrier.wasOperational)
    let looks = host.looks
    try carrier.waitForReturn { Issue.record("\($0)") }
    #expect(host.looks == looks + 1)
    #expect(carrier.changes == 0)
  }

  @Test(
    "a carrier that was lost is waited for, and so is the kernel that has not seen it yet",
    arguments: [(2, 0, 2), (6, 0, 1), (2, 1, 1)] as [(UInt8, UInt8, Int)])
  func returns(state: UInt8, hasCarrier: UInt8, left: Int) throws {
    let carrier = Carrier(ofInterface: 7, named: "nic0", through: host)
    (host.state, host.hasCarrier, host.changes) = (state, hasCarrier, 6)
    host.looksUntilReturn = left
    let looks = host.looks
    try carrier.waitForReturn { Issue.record("\($0)") }
    #expect(host.looks == looks + left + 1)
    #expect(carrier.changes == 3)
  }

  @Test("a carrier that stays away is reported, and no failure")
  func staysAway() throws {
    let carrier = Carrier(ofInterface: 7, named: "nic0", through: host)
    host.hasCarrier = 0
    var lines: [String] = []
    try carrier.waitForReturn(for: .milliseconds(1)) { lines.append($0) }
    #expect(lines == ["the carrier of nic0 has not come back within 0 s"])
  }

  @Test("nobody waits for a carrier that was not there, nor on an interface that is down or gone")
  func notThere() throws {
    host.hasCarrier = 0
    let without = Carrier(ofInterface: 7, named: "nic0", through: host)
    #expect(!without.wasOperational)
    let looks = host.looks
    try without.waitForReturn { Issue.record("\($0)") }
    #expect(host.looks == looks)
    host.hasCarrier = 1
    #expect(without.renewed().wasOperational)
    let carrier = Carrier(ofInterface: 7, named: "nic0", through: host)
    host.hasCarrier = 0
    for flags in [0, nil] as [UInt32?] {
      host.flags = flags
      try carrier.waitForReturn { Issue.record("\($0)") }
    }
    #expect(carrier.changes == nil)
  }

  @Test("a stop ends the wait")
  func stops() throws {
    let carrier = Carrier(ofInterface: 7, named: "nic0", through: host)
    host.hasCarrier = 0
    let stop = try Pipe()
    try stop.write([0])
    let failure = failing { () throws(Failure) in
      try carrier.waitForReturn(Wait(orStoppedBy: stop.reader.borrowed)) { Issue.record("\($0)") }
    }
    #expect(failure?.kind == .stopped)
  }

  @Test("the running kernel's loopback has a carrier, and keeps it")
  func loopback() throws {
    let carrier = Carrier(ofInterface: 1, named: "lo")
    #expect(carrier.wasOperational)
    try carrier.waitForReturn { Issue.record("\($0)") }
    #expect(carrier.changes == 0)
  }
}
