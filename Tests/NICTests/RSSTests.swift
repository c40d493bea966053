// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import TestSupport
import Testing

struct RSSTests {
  private let nic = ScriptedNIC()

  @Test("table, key and hash are read whole")
  func reading() throws {
    nic.transform = 1
    var interface = try nic.interface()
    let rss = try interface.rss()
    #expect(rss == RSS(table: nic.table, key: [1, 2, 3, 4], function: 1, transform: 1))
    nic.contexts = [9: [2, 2, 2, 2, 2, 2, 2, 2]]
    let contexts = try interface.rssContexts()
    #expect(contexts == nic.contexts)
  }

  @Test(
    "only the entries of the queues change, to queues of the table in its proportions",
    arguments: [
      ([0, 1, 2, 3, 0, 1, 2, 3], [1], [0, 0, 2, 3, 0, 2, 2, 3]),
      ([0, 1, 2, 3, 0, 1, 2, 3], [2, 3], [0, 1, 0, 1, 0, 1, 0, 1]),
      // `equal 2` and `weight`: a queue that was left out stays out.
      ([0, 1, 0, 1, 0, 1, 0, 1], [1], [0, 0, 0, 0, 0, 0, 0, 0]),
      ([0, 0, 0, 1, 3, 3, 3, 3], [3], [0, 0, 0, 1, 0, 0, 0, 1]),
      ([0, 0, 0, 0, 0, 1, 3, 3], [3], [0, 0, 0, 0, 0, 1, 0, 0]),
    ] as [([UInt32], Set<UInt32>, [UInt32])])
  func moves(before: [UInt32], queues: Set<UInt32>, after: [UInt32]) throws {
    nic.table = before
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: queues, orTo: [0, 1, 2])
    #expect(nic.table == after)
    try transaction.proveOthersAvoid(queues)
  }

  @Test("a table of nothing but the queues gets those that nobody has taken")
  func movesAll() throws {
    nic.table = [3, 3, 3, 3, 2, 2, 2, 2]
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [2, 3], orTo: [1])
    #expect(nic.table == [1, 1, 1, 1, 1, 1, 1, 1])
    nic.table = [3, 3, 3, 3, 3, 3, 3, 3]
    nic.log = []
    let failure = failing { () throws(Failure) in
      try transaction.moveRSS(off: [3], orTo: [3])
    }
    #expect(failure?.reason?.contains("no other queue is free") == true)
    #expect(nic.log.isEmpty)
  }

  @Test("the proof fails where a foreign rule leads to a queue, at once or by a context")
  func proofOfRules() throws {
    let flow = FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 5201))
    let other = FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 99))
    nic.ntuple = (true, true, true)
    nic.table = [0, 1, 2, 0, 1, 2, 0, 1]
    nic.contexts = [1: [0, 0, 0, 0, 0, 0, 0, 1]]
    var transaction = Transaction(on: try nic.interface())
    try transaction.steer(flow, to: .queue(3))
    try transaction.proveOthersAvoid([3])
    for target in [(UInt64(3), UInt32(0)), (2, 1)] {
      var specification = nic.specification(of: other, to: 0)
      specification.set(152, UInt32(target.0))
      specification[3] = target.1 == 0 ? 0 : 0x20
      specification.set(160, 5)
      nic.rules[5] = (specification, target.1)
      let failure = failing { () throws(Failure) in try transaction.proveOthersAvoid([3]) }
      #expect(failure?.reason == "flow rule 5 sends to queue 3")
      #expect(failure?.hint?.contains("`ethtool -N nic0 delete 5`") == true)
    }
    // Those that drop or wake, and one for a virtual function.
    for cookie: UInt64 in [.max, .max - 1, 1 << 32 | 3] {
      var specification = nic.specification(of: other, to: 0)
      specification.set(152, UInt32(truncatingIfNeeded: cookie))
      specification.set(156, UInt32(truncatingIfNeeded: cookie >> 32))
      specification.set(160, 5)
      nic.rules[5] = (specification, 0)
      try transaction.proveOthersAvoid([3])
    }
    // One for the same flow brings nothing else.
    var specification = nic.specification(of: flow, to: 3)
    specification.set(160, 5)
    nic.rules[5] = (specification, 0)
    try transaction.proveOthersAvoid([3])
  }

  @Test("a table that avoids the queues is left as it is")
  func leavesAlone() throws {
    nic.table = [0, 0, 0, 1, 0, 0, 0, 1]
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [2, 3])
    #expect(nic.log.isEmpty)
    #expect(transaction.changes.isEmpty)
  }

  @Test("a table that was configured comes back as it was")
  func restoresConfigured() throws {
    nic.table = [0, 0, 0, 0, 0, 0, 0, 3]
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.log == ["rss table 0 0 0 0 0 0 0 3"])
  }

  @Test("a key that changed with the table comes back too")
  func restoresKey() throws {
    nic.beforeWrite = { [nic] in
      if nic.log.last?.hasPrefix("rss table") == true { nic.key = [9, 9, 9, 9] }
    }
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.log == ["rss default", "rss key [1, 2, 3, 4]"])
    #expect(nic.key == [1, 2, 3, 4])
    #expect(nic.function == 1)
  }

  @Test("a table that does not come back is a failure")
  func notRestored() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    nic.ignored = ["rss default"]
    let failures = transaction.undo()
    #expect(failures.count == 1)
    #expect(failures.first?.operation == "restore the RSS table of")
  }

  @Test("with no queue left for other traffic the options are at fault, and nothing is changed")
  func tooFew() throws {
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.moveRSS(off: [0, 1, 2, 3]) }
    #expect(failure?.kind == .usage)
    #expect(failure?.hint?.contains("ethtool -L nic0") == true)
    #expect(nic.log.isEmpty)
  }

  @Test("a NIC without a table, or without RSS, is not supported", arguments: [true, false])
  func noTable(hasCommand: Bool) throws {
    nic.table = []
    if !hasCommand { nic.missingCommands[ETHTOOL_GRSSH] = EOPNOTSUPP }
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.moveRSS(off: [3]) }
    #expect(failure?.kind == .unsupported)
  }

  @Test("the proof fails where the table still names a queue")
  func proofOfTable() throws {
    var transaction = Transaction(on: try nic.interface())
    nic.ignored = ["rss table"]
    try transaction.moveRSS(off: [2])
    let failure = failing { () throws(Failure) in try transaction.proveOthersAvoid([2]) }
    #expect(failure?.reason == "RSS table entry 2 names queue 2")
  }

  @Test("the proof fails where a foreign context names a queue, not for one of our own")
  func proofOfContexts() throws {
    nic.contexts = [4: [0, 0, 0, 0, 0, 0, 0, 3]]
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [2, 3])
    _ = try transaction.createContext(over: [2, 3])
    let failure = failing { () throws(Failure) in try transaction.proveOthersAvoid([2, 3]) }
    #expect(failure?.reason == "RSS context 4 names queue 3")
    nic.contexts[4] = nil
    try transaction.proveOthersAvoid([2, 3])
  }

  @Test(
    "a context is created and deleted by netlink, which has the driver's words; else by the ioctl",
    arguments: [true, false])
  func contextByNetlink(isKnown: Bool) throws {
    nic.hasContextCommands = isKnown
    var interface = try nic.interface()
    let table: [UInt32] = [2, 3, 2, 3, 2, 3, 2, 3]
    let id = try interface.createRSSContext(table: table)
    #expect(nic.contexts == [id: table])
    nic.refusals = [("context", ENOSPC)]
    let refusal = failing { () throws(Failure) in
      _ = try interface.createRSSContext(table: table)
    }
    #expect(refusal?.errno == .noSpace)
    #expect(refusal?.reason == (isKnown ? nic.words : nil))
    #expect(refusal?.hint?.contains("steer to a single queue") == true)
    let kept = failing { () throws(Failure) in try interface.deleteRSSContext(id) }
    #expect(kept?.reason == (isKnown ? nic.words : nil))
    nic.refusals = []
    try interface.deleteRSSContext(id)
    #expect(nic.contexts.isEmpty)
    let gone = failing { () throws(Failure) in try interface.deleteRSSContext(id) }
    #expect(gone?.errno == .noEntry)
    #expect(nic.commands.contains(ETHTOOL_SRSSH) == !isKnown)
  }

  @Test("a context that vanished by itself is undone")
  func vanishedContext() throws {
    var transaction = Transaction(on: try nic.interface())
    _ = try transaction.createContext(over: [3])
    nic.contexts = [:]
    #expect(transaction.undo().isEmpty)
  }

  @Test("a table is the default one only if it names all queues in turn")
  func defaults() {
    #expect(RSS(table: [0, 1, 2, 0, 1]).isDefault(queueCount: 3))
    #expect(!RSS(table: [0, 1, 0, 1]).isDefault(queueCount: 3))
    #expect(!RSS(table: [0, 1]).isDefault(queueCount: 0))
  }
}
