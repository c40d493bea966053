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
      nic.missingCommands[ETHTOOL_GWOL] = errno
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

  @Test(
    "an EPERM of the driver's own is no lack of privilege, and says what may help",
    arguments: [true, false])
  func driversOwnRefusal(answersWake: Bool) throws {
    nic.ntuple = (false, false, false)
    nic.refusalWithoutNtuple = EPERM
    if !answersWake { nic.missingCommands[ETHTOOL_GWOL] = EINVAL }
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
    #expect(failure?.errno == .notPermitted)
    #expect(failure?.kind == .unsupported)
    #expect(failure?.hint?.contains("fewer channels (`ethtool -L nic0`)") == true)
    #expect(failure?.hint?.contains("`ethtool -K nic0 ntuple on`") == true)
    #expect(failure?.reason?.contains("the driver's own refusal") == true)
    #expect(nic.log.isEmpty)
    #expect(transaction.changes.isEmpty)
  }

  @Test("an EPERM of the driver's own to a ring setting is no lack of privilege either")
  func driversOwnRefusalOfRings() throws {
    nic.refusals = [("split", EPERM)]
    var interface = try nic.interface()
    let own = failing { () throws(Failure) in _ = try interface.setSplit(.enabled) }
    #expect(own?.kind == .unsupported)
    #expect(own?.hint == nil)
    #expect(own?.reason == "refused by the script")
    nic.missingCommands[ETHTOOL_GWOL] = EPERM
    let kernels = failing { () throws(Failure) in _ = try interface.setSplit(.enabled) }
    #expect(kernels?.kind == .failed)
    #expect(kernels?.hint?.contains("CAP_NET_ADMIN") == true)
  }

  /// What the drivers make of the feature: its state, what they answer to a rule while it is off,
  /// and whether it has to be switched.
  enum Driver: String, CaseIterable {
    case gve, bnxt, bnxtOff, fbnic, mlx5, lacking

    var state: (isActive: Bool, isRequested: Bool, isAvailable: Bool) {
      switch self {
      case .gve, .bnxtOff, .mlx5: (false, false, true)
      case .bnxt: (true, true, true)
      case .fbnic: (true, true, false)
      case .lacking: (false, false, false)
      }
    }

    var refusal: CInt? {
      switch self {
      case .gve: EOPNOTSUPP
      case .bnxt, .bnxtOff: EPERM
      case .fbnic, .mlx5, .lacking: nil
      }
    }

    var isSwitched: Bool { self == .gve || self == .bnxtOff }
  }

  @Test(
    "the feature is switched only where the driver takes no rule without it",
    arguments: Driver.allCases, [1, 2])
  func feature(driver: Driver, count: UInt32) throws {
    nic.ntuple = driver.state
    nic.refusalWithoutNtuple = driver.refusal
    var transaction = Transaction(on: try nic.interface())
    _ = try transaction.steer(flow, over: 2..<2 + count)
    #expect(nic.log.contains("ntuple on") == driver.isSwitched)
    #expect(nic.rules.count == 1 && nic.contexts.count == Int(count) - 1)
    #expect(transaction.undo().isEmpty)
    #expect(nic.ntuple == driver.state)
    #expect(nic.rules.isEmpty && nic.contexts.isEmpty)
  }

  @Test("no context of a run is there while the feature is switched, which may lose it")
  func contextBehindFeature() throws {
    nic.refusalWithoutNtuple = EPERM
    var contextsThen: Int?
    nic.beforeWrite = { [nic] in
      if nic.log.last == "ntuple on" { contextsThen = nic.contexts.count }
    }
    var transaction = Transaction(on: try nic.interface())
    #expect(try transaction.steer(flow, over: 2..<4).target == .context(1))
    #expect(contextsThen == 0)
    #expect(
      nic.log.map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == [
        "context create", "context delete", "ntuple on", "context create", "rule 5-tuple",
      ])
    #expect(transaction.undo().isEmpty)
    #expect(nic.contexts.isEmpty && !nic.ntuple.isActive)
  }

  @Test("a context that cannot be deleted before the feature is switched stays recorded")
  func contextThatStays() throws {
    nic.refusals = [("context delete", EIO), ("ntuple", EBUSY)]
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in _ = try transaction.steer(flow, over: 2..<4) }
    #expect(failure?.errno == .busy)
    nic.refusals = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.contexts.isEmpty)
  }

  @Test(
    "where no context is to be had the flow goes to the first queue, and a driver's reason is told",
    arguments: [
      (EOPNOTSUPP, false), (EBUSY, true), (ENOSPC, true), (ENOMEM, true), (EINVAL, true),
    ])
  func noContext(errno: CInt, isTold: Bool) throws {
    nic.refusals = [("context", errno)]
    var transaction = Transaction(on: try nic.interface())
    let (target, refusal) = try transaction.steer(flow, over: 2..<4)
    #expect(target == .queue(2))
    #expect(refusal?.errno?.rawValue == (isTold ? errno : nil))
    #expect(nic.rules.count == 1)
    #expect(transaction.undo().isEmpty)
  }

  @Test("another refusal of a context ends the run", arguments: [EIO, EPERM])
  func refusedContext(errno: CInt) throws {
    nic.refusals = [("context", errno)]
    nic.missingCommands[ETHTOOL_GWOL] = errno
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in _ = try transaction.steer(flow, over: 2..<4) }
    #expect(failure?.errno?.rawValue == errno)
    #expect(nic.rules.isEmpty && transaction.changes.isEmpty)
  }

  @Test(
    "where the driver keeps the feature off, the failure is its refusal of the rule",
    arguments: [EOPNOTSUPP, EPERM])
  func keptFeature(errno: CInt) throws {
    nic.ignored = ["ntuple"]
    nic.refusalWithoutNtuple = errno
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
    #expect(failure?.operation == "insert a flow rule on")
    #expect(failure?.errno?.rawValue == errno)
    #expect(failure?.kind == .unsupported)
    #expect(nic.log == ["ntuple on"])
    #expect(transaction.undo().isEmpty)
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

  /// The locations that an interface lists while `churn` changes the rules before each request.
  private func listed(during churn: @escaping (ScriptedNIC, CInt) -> Void) throws -> [UInt32] {
    for location in 1...3 as ClosedRange<UInt32> {
      nic.rules[location] = (nic.specification(of: flow, to: location), 0)
    }
    var interface = try nic.interface()
    nic.beforeRequest = { [nic] in churn(nic, $0) }
    defer { nic.beforeRequest = { _ in } }
    return try interface.flowRules().map(\.location)
  }

  @Test("a rule that goes while rules are listed is not listed, and ends nothing")
  func ruleGoes() throws {
    for command in [ETHTOOL_GRXCLSRLALL, ETHTOOL_GRXCLSRULE] {
      #expect(
        try listed { nic, asked in if asked == command { nic.rules[2] = nil } } == [1, 3])
    }
  }

  @Test("a rule that comes while rules are listed does not keep another one from the list")
  func ruleComes() throws {
    // As bnxt does: what is more than asked for is cut off.
    nic.cutsLists = true
    let rule = (specification: nic.specification(of: flow, to: 0), context: 0 as UInt32)
    #expect(
      try listed { nic, asked in
        if asked == ETHTOOL_GRXCLSRLALL { nic.rules[0] = rule }
      } == [0, 1, 2, 3])
    nic.cutsLists = false
    nic.rules[0] = nil
    #expect(
      try listed { nic, asked in
        if asked == ETHTOOL_GRXCLSRLALL { nic.rules[0] = rule }
      } == [0, 1, 2, 3])
  }

  @Test("a rule that goes, and another that comes to its place, is read again")
  func ruleReplaced() throws {
    var reads = 0
    let locations = try listed { nic, asked in
      guard asked == ETHTOOL_GRXCLSRULE else { return }
      reads += 1
      nic.missingCommands[ETHTOOL_GRXCLSRULE] = reads == 2 ? EINVAL : nil
    }
    #expect(locations == [1, 2, 3])
    #expect(reads == 6)
  }

  @Test("rules that never settle are listed as far as they are known, and a refusal stays one")
  func listingIsBounded() throws {
    var location: UInt32 = 4
    let specification = nic.specification(of: flow, to: 0)
    let locations = try listed { nic, asked in
      guard asked == ETHTOOL_GRXCLSRLALL else { return }
      nic.cutsLists = true
      location += 1
      nic.rules[location] = (specification, 0)
    }
    #expect(Set(locations).isSuperset(of: [1, 2, 3]))
    nic.cutsLists = false
    for command in [ETHTOOL_GRXCLSRLALL, ETHTOOL_GRXCLSRULE] {
      nic.missingCommands = [command: EIO]
      var requests = 0
      let failure = failing { () throws(Failure) in
        var interface = try nic.interface()
        nic.beforeRequest = { _ in requests += 1 }
        return try interface.flowRules()
      }
      nic.beforeRequest = { _ in }
      #expect(failure?.errno?.rawValue == EIO)
      #expect(requests < 100)
    }
  }

  @Test("what a reset takes from the steering of a run is named, and nothing else")
  func namesLosses() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    try transaction.moveRSS(off: [2, 3])
    _ = try transaction.steer(flow, over: 2..<4)
    let changes = transaction.changes
    #expect(try transaction.interface.losses(among: changes) == [])
    let others = nic.specification(of: flow.fromAnywhere, to: 0)
    nic.rules[9] = (others, 0)
    nic.split = 1
    #expect(try transaction.interface.losses(among: changes) == [])
    nic.contexts[1] = [0, 0, 0, 0, 0, 0, 0, 0]
    #expect(
      try transaction.interface.losses(among: changes) == [
        "RSS context 1 of nic0 (driver scripted) has another table"
      ])
    nic.rules[0] = (others, 0)
    nic.contexts = [:]
    nic.table = [0, 1, 2, 3, 0, 1, 2, 3]
    #expect(
      try transaction.interface.losses(among: changes) == [
        "the RSS table of nic0 (driver scripted) is another",
        "RSS context 1 of nic0 (driver scripted) is gone",
        "flow rule 0 of nic0 (driver scripted) is gone",
      ])
  }
}

extension ScriptedNIC {
  /// What a NIC is asked for when a flow is to go to a queue: the bytes of an
  /// `ethtool_rx_flow_spec`, with location 7.
  func specification(of flow: FlowTuple, to queue: UInt32) -> [UInt8] {
    let nic = ScriptedNIC()
    nic.refusalWithoutNtuple = nil
    var interface = try! nic.interface()
    _ = try! interface.insert(FlowRule(flow, to: .queue(queue), location: 7))
    return nic.rules[7]!.specification
  }
}
