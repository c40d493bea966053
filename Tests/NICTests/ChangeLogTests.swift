// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import TestSupport
import Testing

struct ChangeLogTests {
  private let nic = ScriptedNIC()
  private let log = ChangeList()
  private let flow = FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 5201))

  @Test("each change is noted before it is made, and its result after")
  func order() throws {
    nic.threshold = 128
    // What was noted when a write came, as the number of changes.
    var noted: [Int] = []
    nic.beforeWrite = { noted.append(log.changes.count) }
    var transaction = Transaction(on: try nic.interface(), notedIn: log)
    try transaction.enableHeaderSplit()
    try transaction.moveRSS(off: [3])
    try transaction.steer(flow, to: .queue(3))
    let id = try transaction.createContext(over: [3])
    // With the split, the channels and the sizes of the rings are noted: it may cut them.
    #expect(noted == [3, 2, 3, 4, 5])
    #expect(log.changes == transaction.changes)
    guard case .flowRule(let rule, _) = log.changes[3], case .context(id, _, _) = log.changes[4]
    else {
      Issue.record("\(log.changes)")
      return
    }
    #expect(rule.location == 0)
    #expect(transaction.undo().isEmpty)
    #expect(log.changes == [])
  }

  @Test("a change that cannot be noted is not made")
  func refusedNote() throws {
    var transaction = Transaction(on: try nic.interface(), notedIn: log)
    try transaction.enableHeaderSplit()
    nic.log = []
    log.failure = Failure("write", errno: .noSpace)
    let failure = failing { () throws(Failure) in try transaction.moveRSS(off: [3]) }
    #expect(failure?.errno == .noSpace)
    #expect(nic.log == [])
    #expect(transaction.undo().isEmpty)
    #expect(nic.log == ["split 1", "split 0"])
  }

  @Test("a change that the driver refuses is noted no more")
  func refusedChange() throws {
    nic.refusals = [("rule", EBUSY), ("context", EBUSY)]
    var transaction = Transaction(on: try nic.interface(), notedIn: log)
    _ = failing { () throws(Failure) in try transaction.steer(flow, to: .queue(3)) }
    _ = failing { () throws(Failure) in try transaction.createContext(over: [3]) }
    #expect(log.changes == [.feature(name: "rx-ntuple-filter", requested: false)])
  }
}

/// Keeps the changes that were noted last.
private final class ChangeList: ChangeLog {
  var changes: [Change] = []
  var failure: Failure?

  func note(_ changes: [Change]) throws(Failure) {
    if let failure { throw failure }
    self.changes = changes
  }
}
