// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import Netdev
import Recovery
import TestSupport
import Testing

struct GuardedTransactionTests {
  private let nic = ScriptedNIC()

  @Test("the body's value is returned once all changes are undone")
  func succeeds() throws {
    let outcome = run { 5 }
    #expect(outcome.value == 5)
    #expect(outcome.thrown == nil)
    #expect(outcome.reported.isEmpty)
    expectUndone()
  }

  @Test("the body's failure is thrown once all changes are undone", arguments: [false, true])
  func fails(isStopped: Bool) throws {
    let outcome = run { () throws(Failure) in throw failure(isStopped) }
    #expect(outcome.thrown?.operation == "receive")
    #expect(outcome.thrown?.kind == (isStopped ? .stopped : .failed))
    #expect(outcome.reported.isEmpty)
    expectUndone()
  }

  @Test("after a success the first change that cannot be undone is thrown, the others are reported")
  func undoFails() throws {
    let outcome = run { refuseUndo() }
    #expect(outcome.value == nil)
    #expect(outcome.thrown?.errno?.rawValue == EIO)
    #expect(outcome.reported.map(\.errno) == [.busy])
  }

  @Test("a change that the driver does not support to undo is a failure, not a skip")
  func undoIsUnsupported() throws {
    let outcome = run {
      nic.refusals = [("rss", EOPNOTSUPP)]
      return 5
    }
    #expect(outcome.thrown?.errno == .notSupported)
    #expect(outcome.thrown?.exitStatus() == 1)
  }

  @Test("after a failure the changes that cannot be undone are reported, and the failure is thrown")
  func bothFail() throws {
    let outcome = run { () throws(Failure) in
      _ = refuseUndo()
      throw failure(false)
    }
    #expect(outcome.thrown?.operation == "receive")
    #expect(outcome.reported.map(\.errno?.rawValue) == [EIO, EBUSY])
  }

  @Test("a stop never hides an interface left changed")
  func stoppedAndUndoFails() throws {
    let outcome = run { () throws(Failure) in
      _ = refuseUndo()
      throw failure(true)
    }
    #expect(outcome.thrown?.errno?.rawValue == EIO)
    #expect(outcome.thrown?.exitStatus() == 1)
    #expect(outcome.reported.map(\.errno) == [.busy])
  }

  @Test(
    "neither a skip nor a fault of the options hides an interface left changed",
    arguments: [Failure.Kind.unsupported, .usage])
  func skippedAndUndoFails(kind: Failure.Kind) throws {
    let outcome = run { () throws(Failure) in
      _ = refuseUndo()
      throw Failure("insert a flow rule", errno: .notSupported, kind: kind)
    }
    #expect(outcome.thrown?.errno?.rawValue == EIO)
    #expect(outcome.thrown?.exitStatus() == 1)
    #expect(outcome.reported.map(\.errno) == [.notSupported, .busy])
    #expect(outcome.reported.first?.kind == kind)
  }

  @Test("the log follows the changes, and has what is left at the end")
  func log() throws {
    let log = LastChanges()
    let failure = failing { () throws(Failure) in
      try withTransaction(on: try nic.interface(), notedIn: log) { transaction throws(Failure) in
        try setUp(&transaction)
        #expect(log.changes == transaction.changes)
        nic.refusals = [("rss", EIO)]
      }
    }
    #expect(failure?.errno?.rawValue == EIO)
    #expect(log.changes.count == 1)
  }

  @Test(
    "what cannot be undone because the interface is gone is one failure, and is left to no other",
    arguments: [false, true])
  func interfaceGone(isThere: Bool) throws {
    let log = LastChanges()
    var reported: [Failure] = []
    let thrown = failing { () throws(Failure) in
      try withTransaction(
        on: try nic.interface(), notedIn: log, reportingTo: { reported.append($0) },
        existing: { $0 == 7 && isThere }
      ) { transaction throws(Failure) in
        try setUp(&transaction)
        nic.refusals = [("rss", ENODEV), ("split", ENODEV)]
        throw failure(false)
      }
    }
    #expect(thrown?.operation == "receive")
    #expect(reported.map(\.errno) == [Errno](repeating: .noDevice, count: isThere ? 2 : 1))
    #expect(reported.last?.line.contains("undo 2 changes") == !isThere)
    #expect(log.changes.count == (isThere ? 2 : 0))
  }

  @Test("without a guard the changes are undone as well")
  func unguarded() throws {
    let value = try withGuardedTransaction(
      on: try nic.interface(), with: Carrier(ofInterface: 7, named: "nic0"), isGuarded: false
    ) {
      transaction, _ throws(Failure) in
      try setUp(&transaction)
      return 5
    }
    #expect(value == 5)
    expectUndone()
  }

  @Test("a stop that comes while the changes are undone does not end the wait for the carrier")
  func waitsForCarrierAfterStop() throws {
    let host = ScriptedCarrier()
    let carrier = Carrier(ofInterface: 7, named: "nic0", through: host)
    let stop = try Pipe()
    let value = try withTransaction(
      on: try nic.interface(), with: carrier, Wait(orStoppedBy: stop.reader.borrowed)
    ) { transaction throws(Failure) in
      try setUp(&transaction)
      (host.hasCarrier, host.looksUntilReturn) = (0, 3)
      try attempt("stop") { () throws(Errno) in try stop.write([1]) }
      return 5
    }
    #expect(value == 5)
    #expect(host.hasCarrier == 1)
  }

  /// Sets the NIC up in a transaction, and ends it with the body.
  private func run(
    _ body: () throws(Failure) -> Int
  ) -> (value: Int?, thrown: Failure?, reported: [Failure]) {
    var reported: [Failure] = []
    func report(_ failure: Failure) { reported.append(failure) }
    do throws(Failure) {
      let value = try withTransaction(on: try nic.interface(), reportingTo: report) {
        transaction throws(Failure) in
        try setUp(&transaction)
        return try body()
      }
      return (value, nil, reported)
    } catch {
      return (nil, error, reported)
    }
  }

  private func setUp(_ transaction: inout Transaction) throws(Failure) {
    try transaction.enableHeaderSplit()
    try transaction.moveRSS(off: [3])
    #expect(nic.split == 2)
    #expect(!nic.table.contains(3))
  }

  /// Has the NIC refuse both undos, the last change's with EIO and the first one's with EBUSY.
  private func refuseUndo() -> Int {
    nic.refusals = [("rss", EIO), ("split", EBUSY)]
    return 5
  }

  private func failure(_ isStopped: Bool) -> Failure {
    isStopped ? .stopped("receive") : Failure("receive", errno: .connectionReset)
  }

  private func expectUndone() {
    #expect(nic.split == 1)
    #expect(nic.table == [0, 1, 2, 3, 0, 1, 2, 3])
  }
}

/// Keeps the changes that were noted last.
private final class LastChanges: ChangeLog {
  var changes: [Change] = []

  func note(_ changes: [Change]) throws(Failure) { self.changes = changes }
}
