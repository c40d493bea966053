// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import TestSupport
import Testing

struct TransactionTests {
  private let nic = ScriptedNIC()
  private let flow = FlowTuple(
    to: .init(IPAddress("192.0.2.1")!, port: 5201), from: .init(IPAddress("192.0.2.2")!, port: 5201)
  )

  @Test("a whole set-up is undone in reverse order, to exactly the earlier state")
  func wholeSetUp() throws {
    nic.threshold = 128
    let before = try state()
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    try transaction.moveRSS(off: [2, 3])
    try transaction.proveOthersAvoid([2, 3])
    try transaction.steer(flow, to: .queue(3))
    let context = try transaction.createContext(over: [2, 3])
    try transaction.steer(flow.fromAnywhere, to: .context(context))
    try transaction.proveOthersAvoid([2, 3])
    #expect(
      nic.log == [
        "split 2, threshold 0", "rss table 0 1 0 1 0 1 0 1", "ntuple on",
        "rule 5-tuple at 0 to queue 3", "context create 2 3 2 3 2 3 2 3",
        "rule 3-tuple at 1 to context 1",
      ])
    #expect(try state() != before)
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(
      nic.log == [
        "rule delete 1", "context delete 1", "rule delete 0", "ntuple off", "rss default",
        "split 1, threshold 128", "split 0",
      ])
    #expect(try state() == before)
    #expect(transaction.changes.isEmpty)
  }

  @Test("undoing a second time changes nothing, nor does it in another process")
  func idempotence() throws {
    nic.threshold = 128
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    try transaction.moveRSS(off: [3])
    try transaction.steer(flow, to: .queue(3))
    _ = try transaction.createContext(over: [3])
    let journal = transaction.changes
    #expect(transaction.undo().isEmpty)
    nic.log = []
    #expect(transaction.undo().isEmpty)
    var other = Transaction(on: try nic.interface(), resuming: journal)
    #expect(other.undo().isEmpty)
    #expect(nic.log.isEmpty)
  }

  @Test(
    "a journal that ends before the driver has answered finds the rule and the context",
    arguments: [true, false])
  func interruptedRecord(wasMade: Bool) throws {
    nic.refusalWithoutNtuple = nil
    nic.contexts = [5: [0, 0, 0, 0, 0, 0, 0, 0]]
    let before = try state()
    let table: [UInt32] = [3, 3, 3, 3, 3, 3, 3, 3]
    let journal = [
      Change.context(id: nil, table: table, others: [5]),
      .flowRule(FlowRule(flow, to: .queue(3)), replaced: []),
    ]
    var interface = try nic.interface()
    if wasMade {
      _ = try interface.createRSSContext(table: table)
      _ = try interface.insert(FlowRule(flow, to: .queue(3)))
    }
    var other = Transaction(on: interface, resuming: journal)
    #expect(other.undo().isEmpty)
    #expect(try state() == before)
  }

  @Test("what cannot be undone is reported, stays recorded, and does not stop the rest")
  func failingUndo() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    try transaction.moveRSS(off: [3])
    try transaction.steer(flow, to: .queue(3))
    nic.refusals = [("rule delete", EIO), ("split", EINVAL)]
    nic.log = []
    let failures = transaction.undo()
    #expect(failures.map(\.errno?.rawValue) == [EIO, EINVAL])
    #expect(failures.last?.reason == "refused by the script")
    #expect(
      nic.log == ["rule delete 0", "ntuple off", "rss default", "split 1", "split 0", "split 1"])
    #expect(transaction.changes.count == 2)
    nic.refusals = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.rules.isEmpty)
    #expect(nic.split == 1)
  }

  @Test(
    "a step that the driver refuses is reported, and what was done before it can be undone",
    arguments: ["split", "rss table", "ntuple", "rule", "context create"])
  func refusedStep(line: String) throws {
    let before = try state()
    nic.refusals = [(line, EBUSY)]
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in
      try transaction.enableHeaderSplit()
      try transaction.moveRSS(off: [3])
      try transaction.steer(flow, to: .queue(3))
      return try transaction.createContext(over: [3])
    }
    #expect(failure?.errno == .busy)
    #expect(failure?.subject == "nic0 (driver scripted)")
    #expect(nic.log.last?.hasPrefix(line) == true)
    nic.refusals = []
    #expect(transaction.undo().isEmpty)
    #expect(try state() == before)
  }

  private func state() throws(Failure) -> NICState {
    var interface = try nic.interface()
    return try interface.state()
  }
}
