// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import TestSupport
import Testing

/// What somebody else has set since a transaction stays as it is.
struct OthersSettingsTests {
  private let nic = ScriptedNIC()
  private let flow = FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 5201))
  private let otherFlow = FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 99))

  @Test("a rule of somebody else's in the place of ours stays", arguments: [true, false])
  func rule(isOfKilledRun: Bool) throws {
    nic.ntuple = (true, true, true)
    var transaction = Transaction(on: try nic.interface())
    #expect(try transaction.steer(flow, to: .queue(3)).location == 0)
    try insert(otherFlow, at: 0, deletingFirst: 0)
    let before = nic.rules[0]?.specification
    var end = Transaction(on: try nic.interface(), resuming: transaction.changes)
    let left = isOfKilledRun ? try undo(&end) : try undo(&transaction)
    #expect(nic.rules[0]?.specification == before)
    #expect(
      left == [
        "left flow rule 0 of nic0 (driver scripted) as it is: somebody else has set it since"
      ])
    #expect((isOfKilledRun ? end.changes : transaction.changes).isEmpty)
  }

  @Test("a rule that is gone needs no undo")
  func goneRule() throws {
    nic.ntuple = (true, true, true)
    var transaction = Transaction(on: try nic.interface())
    try transaction.steer(flow, to: .queue(3))
    nic.rules = [:]
    nic.log = []
    #expect(try undo(&transaction) == [])
    #expect(nic.log == [])
  }

  @Test("the rule to delete is the one that the driver reports, not the one that was asked for")
  func reportedRule() throws {
    nic.ntuple = (true, true, true)
    // As a driver that masks fields it does not use.
    nic.reportedRule = { request in
      var request = request
      request[16 + 140] = 0xaa
      return request
    }
    var transaction = Transaction(on: try nic.interface())
    try transaction.steer(flow, to: .queue(3))
    #expect(try undo(&transaction) == [])
    #expect(nic.rules.isEmpty)
  }

  @Test("a rule that was replaced does not come back over one of somebody else's")
  func replaced() throws {
    nic.ntuple = (true, true, true)
    try insert(flow, at: 7)
    var transaction = Transaction(on: try nic.interface())
    #expect(try transaction.steer(flow, to: .queue(3)).location == 7)
    try insert(otherFlow, at: 7, deletingFirst: 7)
    let left = try undo(&transaction)
    #expect(nic.rules.count == 1)
    #expect(left.count == 2)
    #expect(left.last?.hasPrefix("did not bring back flow rule 7 of nic0") == true)
  }

  @Test("no rule is inserted where there is one")
  func occupied() throws {
    nic.refusalWithoutNtuple = nil
    try insert(flow, at: 7)
    var interface = try nic.interface()
    let failure = failing { () throws(Failure) in
      _ = try interface.insert(FlowRule(otherFlow, to: .queue(1), location: 7))
    }
    #expect(failure?.errno == .exists)
    #expect(nic.rules[7]?.specification == nic.specification(of: flow, to: 1))
  }

  @Test("a refused rule that the driver has all the same is undone")
  func refusedAndMade() throws {
    nic.ntuple = (true, true, true)
    var isMade = false
    nic.refusals = [("rule 3-tuple", EIO)]
    nic.beforeWrite = { [nic, flow] in
      if !isMade {
        isMade = true
        var specification = nic.specification(of: flow, to: 3)
        specification.set(160, 0)
        nic.rules[0] = (specification, 0)
      }
    }
    var transaction = Transaction(on: try nic.interface())
    _ = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
    #expect(transaction.changes.count == 1)
    nic.refusals = []
    #expect(try undo(&transaction) == [])
    #expect(nic.rules.isEmpty)
  }

  @Test("the feature that rules need stays on while there are rules of somebody else")
  func ntuple() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.steer(flow, to: .queue(3))
    try insert(otherFlow, at: 5)
    let left = try undo(&transaction)
    #expect(nic.ntuple.isActive)
    #expect(Array(nic.rules.keys) == [5])
    #expect(
      left == [
        "left rx-ntuple-filter of nic0 (driver scripted) as it is: somebody else has inserted flow "
          + "rule 5 since"
      ])
  }

  @Test("the feature goes off in spite of rules that were there before")
  func ntupleBefore() throws {
    nic.refusalWithoutNtuple = nil
    try insert(otherFlow, at: 5)
    nic.refusalWithoutNtuple = EOPNOTSUPP
    var transaction = Transaction(on: try nic.interface())
    try transaction.steer(flow, to: .queue(3))
    #expect(try undo(&transaction) == [])
    #expect(!nic.ntuple.isActive)
  }

  @Test("a driver that lists no rules while they are off gets them switched on")
  func unlistedWhileOff() throws {
    nic.missingCommands[ETHTOOL_GRXCLSRLCNT] = EOPNOTSUPP
    nic.beforeWrite = { [nic] in nic.missingCommands = [:] }
    var transaction = Transaction(on: try nic.interface())
    try transaction.steer(flow, to: .queue(3))
    #expect(try undo(&transaction) == [])
    #expect(!nic.ntuple.isActive)
  }

  @Test("a context that is another by now stays, and one that is gone needs no undo")
  func context() throws {
    var transaction = Transaction(on: try nic.interface())
    let id = try transaction.createContext(over: [3])
    let journal = transaction.changes
    nic.contexts[id] = [0, 1, 0, 1, 0, 1, 0, 1]
    #expect(
      try undo(&transaction) == [
        "left RSS context \(id) of nic0 (driver scripted) as it is: somebody else has set it since"
      ])
    #expect(nic.contexts.count == 1)
    nic.contexts = [:]
    nic.log = []
    var other = Transaction(on: try nic.interface(), resuming: journal)
    #expect(try undo(&other) == [])
    #expect(nic.log == [])
  }

  @Test("a table of somebody else's stays; the key that came with ours goes back")
  func table() throws {
    nic.beforeWrite = { [nic] in
      if nic.log.last?.hasPrefix("rss table") == true { nic.key = [9, 9, 9, 9] }
    }
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    nic.table = [0, 0, 0, 0, 1, 1, 1, 1]
    #expect(
      try undo(&transaction) == [
        "left RSS table of nic0 (driver scripted) as it is: somebody else has set it since"
      ])
    #expect(nic.table == [0, 0, 0, 0, 1, 1, 1, 1])
    #expect(nic.key == [1, 2, 3, 4])
  }

  @Test("a key of somebody else's stays, and the table goes back")
  func key() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    nic.key = [7, 7, 7, 7]
    #expect(
      try undo(&transaction) == [
        "left RSS key and hash of nic0 (driver scripted) as it is: somebody else has set it since"
      ])
    #expect(nic.key == [7, 7, 7, 7])
    #expect(nic.table == [0, 1, 2, 3, 0, 1, 2, 3])
  }

  @Test("a default table is back when it is the default one of the present queues")
  func defaultTable() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    let journal = transaction.changes
    nic.queueCount = 8
    #expect(transaction.undo().isEmpty)
    #expect(nic.table == [0, 1, 2, 3, 4, 5, 6, 7])
    // Another process finds that somebody has reset it already.
    nic.log = []
    var other = Transaction(on: try nic.interface(), resuming: journal)
    #expect(try undo(&other) == [])
    #expect(nic.log == [])
  }

  @Test("a table that names a queue which is gone does not lock the run out")
  func goneQueue() throws {
    nic.table = [0, 0, 0, 0, 0, 0, 0, 3]
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    nic.queueCount = 2
    let left = try undo(&transaction)
    #expect(left.first?.hasSuffix("the earlier one names queue 3, now gone") == true)
    #expect(nic.table == [0, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test("a third split and a third threshold stay")
  func split() throws {
    nic.split = 2
    nic.threshold = 128
    nic.automaticSplit = 2
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    nic.split = 1
    nic.threshold = 64
    #expect(
      try undo(&transaction) == [
        "left hds-thresh of nic0 (driver scripted) as it is: somebody else has set it since",
        "left tcp-data-split of nic0 (driver scripted) as it is: somebody else has set it since",
      ])
    #expect(nic.split == 1)
    #expect(nic.threshold == 64)
  }

  @Test("only the private flag that was set goes back")
  func privateFlags() throws {
    nic.refusals = [("split", EOPNOTSUPP)]
    nic.privateFlagNames = ["other", "enable-header-split", "third"]
    nic.privateFlags = 1
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    nic.privateFlags = 0b110
    #expect(try undo(&transaction) == [])
    #expect(nic.privateFlags == 0b100)
  }

  @Test("a refusal of one call does not forget what an earlier one has done")
  func refusedLater() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    let changes = transaction.changes
    nic.refusals = [("split 0", EOPNOTSUPP)]
    _ = failing { () throws(Failure) in try transaction.disableHeaderSplit() }
    #expect(transaction.changes == changes)
    nic.refusals = []
    #expect(try undo(&transaction) == [])
    #expect(nic.split == 1)
  }

  /// Undoes a transaction that must succeed.
  ///
  /// - Returns: The lines about what was left.
  private func undo(_ transaction: inout Transaction) throws -> [String] {
    var lines: [String] = []
    #expect(transaction.undo { lines.append($0) }.isEmpty)
    return lines
  }

  /// Does what an administrator does.
  private func insert(
    _ flow: FlowTuple, at location: UInt32, deletingFirst old: UInt32? = nil
  ) throws {
    var interface = try nic.interface()
    if let old { try interface.deleteFlowRule(at: old) }
    _ = try interface.insert(FlowRule(flow, to: .queue(1), location: location))
  }
}
