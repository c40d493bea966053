// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Netdev
import Netlink
import TestSupport
import Testing

struct NetdevCapabilitiesTests {
  @Test(
    "what a kernel supports is read from its policies",
    arguments: [
      (.linux611, false, false, nil, nil),
      (.linux612, true, false, nil, nil),
      (.linux72, true, true, nil, nil),
      (.linux73, true, true, 5, nil),
      (.series, true, true, nil, 5),
      (.lab, true, true, 5, 6),
      (.later, true, true, 5, 7),
      (.unranged, true, true, 5, nil),
    ] as [(ScriptedNetdev, Bool, Bool, UInt16?, UInt16?)])
  func readsPolicies(
    netdev: ScriptedNetdev, bindsReceive: Bool, bindsTransmit: Bool, rxPageSize: UInt16?,
    autorelease: UInt16?
  ) throws {
    let capabilities = try Netdev(through: netdev.kernel()).capabilities
    #expect(capabilities.bindsReceive == bindsReceive)
    #expect(capabilities.bindsTransmit == bindsTransmit)
    #expect(capabilities.rxPageSizeAttribute == rxPageSize)
    let found = try capabilities.autorelease()
    #expect(found?.number == autorelease)
    #expect(found?.isByte == autorelease.map { $0 == 5 })
  }

  @Test(
    "a given number is taken where the policy can mean it",
    arguments: [(.series, 5, true), (.lab, 6, false), (.unranged, 5, false)]
      as [(ScriptedNetdev, UInt16, Bool)])
  func takesGivenNumber(netdev: ScriptedNetdev, number: UInt16, isByte: Bool) throws {
    let capabilities = try Netdev(through: netdev.kernel()).capabilities
    let autorelease = try capabilities.autorelease(numbered: number)
    #expect(autorelease?.number == number)
    #expect(autorelease?.isByte == isByte)
  }

  @Test(
    "a given number is refused where the policy means something else or nothing",
    arguments: [
      (.linux611, 5), (.linux612, 5), (.linux73, 5), (.linux73, 6), (.lab, 3), (.lab, 5), (.lab, 7),
      (.later, 6), (.later, 8),
    ] as [(ScriptedNetdev, UInt16)])
  func refusesGivenNumber(netdev: ScriptedNetdev, number: UInt16) throws {
    let capabilities = try Netdev(through: netdev.kernel()).capabilities
    let failure = failing { () throws(Failure) in
      try capabilities.autorelease(numbered: number)
    }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.description.contains("attribute \(number)") == true)
  }

  @Test("a kernel that does not give its policies is not guessed at")
  func passesFailuresOn() {
    let kernel = ScriptedNetlink { _ in [.refused(EPERM)] }
    let failure = failing { () throws(Failure) in
      var netlink = GenericNetlink(over: kernel)
      return try NetdevCapabilities(of: Family(name: "netdev", id: 22), asked: &netlink)
    }
    #expect(failure?.errno == .notPermitted)
  }
}
