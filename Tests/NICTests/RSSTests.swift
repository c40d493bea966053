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

  @Test("the other queues share the table equally")
  func moves() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [1])
    #expect(nic.table == [0, 2, 3, 0, 2, 3, 0, 2])
    try transaction.proveRSSAvoids([1])
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
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [3])
    nic.key = [9, 9, 9, 9]
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
    #expect(failures.first?.operation == "restore the RSS table and key of")
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
    let failure = failing { () throws(Failure) in try transaction.proveRSSAvoids([2]) }
    #expect(failure?.reason == "RSS table entry 2 names queue 2")
  }

  @Test("the proof fails where a foreign context names a queue, not for one of our own")
  func proofOfContexts() throws {
    nic.contexts = [4: [0, 0, 0, 0, 0, 0, 0, 3]]
    var transaction = Transaction(on: try nic.interface())
    try transaction.moveRSS(off: [2, 3])
    _ = try transaction.createContext(over: [2, 3])
    let failure = failing { () throws(Failure) in try transaction.proveRSSAvoids([2, 3]) }
    #expect(failure?.reason == "RSS context 4 names queue 3")
    nic.contexts[4] = nil
    try transaction.proveRSSAvoids([2, 3])
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
