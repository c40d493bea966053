// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import TestSupport
import Testing

struct SteeringTests {
  private let nic = ScriptedNIC()
  private let flow = FlowTuple(
    to: .init(IPAddress("192.0.2.1")!, port: 5201), from: .init(IPAddress("192.0.2.2")!, port: 80))

  @Test("an IPv4 rule is laid out as the kernel's header says")
  func layoutOfV4() throws {
    let bytes = nic.specification(of: flow, to: 3)
    #expect(bytes[0..<4] == [1, 0, 0, 0])
    #expect(bytes[4..<16] == [192, 0, 2, 2, 192, 0, 2, 1, 0, 80, 0x14, 0x51])
    #expect(bytes[16..<76].allSatisfy { $0 == 0 })
    #expect(bytes[76..<88].allSatisfy { $0 == 0xff })
    #expect(bytes[88..<148].allSatisfy { $0 == 0 })
    #expect(bytes[152..<160] == [3, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test("an IPv6 rule from anywhere masks the source out")
  func layoutOfV6() throws {
    let tuple = FlowTuple(to: .init(IPAddress("2001:db8::1")!, port: 1))
    let bytes = nic.specification(of: tuple, to: 0)
    #expect(bytes[0..<4] == [5, 0, 0, 0])
    #expect(bytes[4..<20].allSatisfy { $0 == 0 })
    #expect(bytes[20..<24] == [0x20, 0x01, 0x0d, 0xb8])
    #expect(bytes[36..<40] == [0, 0, 0, 1])
    #expect(bytes[76..<92].allSatisfy { $0 == 0 })
    #expect(bytes[92..<108].allSatisfy { $0 == 0xff })
    #expect(bytes[108..<112] == [0, 0, 0xff, 0xff])
  }

  @Test("a driver that refuses to match the source gets a rule for the destination only")
  func fallsBack() throws {
    nic.refusals = [("rule 5-tuple", EOPNOTSUPP)]
    var transaction = Transaction(on: try nic.interface())
    let rule = try transaction.steer(flow, to: .queue(3))
    #expect(rule.description == "rule 0: tcp from anywhere to 192.0.2.1 port 5201, to queue 3")
    #expect(
      nic.log == ["ntuple on", "rule 5-tuple at 0 to queue 3", "rule 3-tuple at 0 to queue 3"])
    #expect(transaction.changes.count == 2)
  }

  @Test("a refusal of both rules carries what would help; so does a lack of privilege")
  func refusesBoth() throws {
    for (errno, hint, tries) in [
      (EOPNOTSUPP, "does not take flow rules", 2), (ENOSPC, "ethtool -N", 2),
      (EPERM, "CAP_NET_ADMIN", 1),
    ] {
      let nic = ScriptedNIC()
      nic.ntuple = (true, true, true)
      nic.refusals = [("rule", errno)]
      var transaction = Transaction(on: try nic.interface())
      let failure = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
      #expect(failure?.errno?.rawValue == errno)
      #expect(failure?.hint?.contains(hint) == true)
      #expect(failure?.kind == (errno == EOPNOTSUPP ? .unsupported : .failed))
      #expect(nic.log.count == tries)
      #expect(transaction.changes.isEmpty)
    }
  }

  @Test("a driver without rules at all is not supported")
  func noRules() throws {
    nic.missingCommands[ETHTOOL_GRXCLSRLCNT] = EOPNOTSUPP
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.hint?.contains("run with -n") == true)
  }

  @Test("without a choice of the driver's own a rule goes into the highest free slot")
  func highestSlot() throws {
    nic.choosesLocations = false
    nic.rules[15] = (nic.specification(of: flow, to: 0), 0)
    var transaction = Transaction(on: try nic.interface())
    #expect(try transaction.steer(flow, to: .queue(3)).location == 14)
    nic.ruleSlots = 0
    let failure = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
    #expect(failure?.errno == .noSpace)
  }

  @Test(
    "a rule for the same flow that was there before comes back", arguments: [1, 3], [true, false])
  func replacedRule(queue: UInt32, isAnswered: Bool) throws {
    nic.ntuple = (true, true, true)
    nic.rules[7] = (nic.specification(of: flow, to: queue), 0)
    var transaction = Transaction(on: try nic.interface())
    let before = try transaction.interface.flowRules()
    #expect(try transaction.steer(flow, to: .queue(3)).location == 7)
    var journal = transaction.changes
    if !isAnswered {
      journal = [.flowRule(FlowRule(flow, to: .queue(3)), replaced: before)]
    }
    for _ in 1...2 {
      var other = Transaction(on: try nic.interface(), resuming: journal)
      #expect(other.undo().isEmpty)
      #expect(try other.interface.flowRules() == before)
    }
  }

  @Test("the feature is switched only where it is off and can be switched")
  func feature() throws {
    for (state, isSwitched) in [
      ((false, false, true), true), ((true, true, true), false), ((false, false, false), false),
    ] {
      let nic = ScriptedNIC()
      nic.ntuple = state
      var transaction = Transaction(on: try nic.interface())
      try transaction.steer(flow, to: .queue(3))
      #expect((nic.log.first == "ntuple on") == isSwitched)
      #expect(transaction.undo().isEmpty)
      #expect(nic.ntuple == state)
    }
  }

  @Test("a feature that the driver keeps is a failure")
  func keptFeature() throws {
    nic.ignored = ["ntuple"]
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
    #expect(failure?.reason == "the driver keeps it as it is")
  }

  @Test("rules are listed by location, and those of other kinds show their bytes")
  func listing() throws {
    nic.rules[7] = (nic.specification(of: flow, to: 1), 0)
    var other = nic.specification(of: flow, to: 2)
    other[0] = 2
    other.replaceSubrange(160..<164, with: [3, 0, 0, 0])
    nic.rules[3] = (other, 0)
    var interface = try nic.interface()
    let rules = try interface.flowRules()
    #expect(rules.map(\.location) == [3, 7])
    #expect(rules[0].description.hasPrefix("rule 3: type 02 match c0000202c0000201"))
    #expect(
      rules[1].description
        == "rule 7: tcp from 192.0.2.2 port 80 to 192.0.2.1 port 5201, to queue 1")
  }
}

extension ScriptedNIC {
  /// What a NIC is asked for when a flow is to go to a queue: the bytes of an
  /// `ethtool_rx_flow_spec`, with location 7.
  func specification(of flow: FlowTuple, to queue: UInt32) -> [UInt8] {
    let nic = ScriptedNIC()
    var interface = try! nic.interface()
    _ = try! interface.insert(FlowRule(flow, to: .queue(queue), location: 7))
    return nic.rules[7]!.specification
  }
}
