// SPDX-License-Identifier: GPL-2.0-only

import NIC
import TestSupport
import Testing

/// A NIC whose split is brought back in all that shows and in all that does not, for each driver and
/// each configuration that it takes.
struct EarlierSplitTests {
  /// A driver, what somebody configured, and what the driver makes of nothing.
  struct Row: Sendable, CustomTestStringConvertible {
    let driver: ScriptedNIC.SplitDriver
    let (reported, configured, automatic): (UInt8, UInt8, UInt8)
    /// The requests that reach the driver to enable the split, and to bring it back.
    let (enabling, undoing): ([String], [String])
    /// What an undo leaves configured where nobody could learn what was.
    var unlearnt: UInt8 = 0

    var testDescription: String { "\(driver), reports \(reported), configured \(configured)" }
  }

  private static let rows = [
    Row(
      driver: .alwaysEnabled, reported: 2, configured: 0, automatic: 2,
      enabling: ["split 2"], undoing: ["split 0"]),
    Row(
      driver: .alwaysEnabled, reported: 2, configured: 2, automatic: 2, enabling: [], undoing: []),
    Row(
      driver: .unnamed, reported: 1, configured: 0, automatic: 1,
      enabling: ["split 2"], undoing: ["split 1", "split 0"]),
    Row(
      driver: .unnamed, reported: 2, configured: 2, automatic: 1, enabling: [], undoing: [],
      unlearnt: 2),
    Row(
      driver: .keeping, reported: 1, configured: 0, automatic: 1,
      enabling: ["split 2"], undoing: ["split 1", "split 0"]),
    Row(
      driver: .keeping, reported: 1, configured: 1, automatic: 1,
      enabling: ["split 0", "split 2"], undoing: ["split 1"]),
    Row(driver: .keeping, reported: 2, configured: 2, automatic: 1, enabling: [], undoing: []),
    Row(
      driver: .silent, reported: 0, configured: 0, automatic: 0,
      enabling: ["split 2"], undoing: ["split 0"]),
    Row(
      driver: .silent, reported: 1, configured: 1, automatic: 0,
      enabling: ["split 0", "split 2"], undoing: ["split 1"], unlearnt: 1),
    Row(
      driver: .silent, reported: 2, configured: 2, automatic: 0, enabling: [], undoing: [],
      unlearnt: 2),
    Row(
      driver: .plain, reported: 1, configured: 0, automatic: 1,
      enabling: ["split 2"], undoing: ["split 1", "split 0"]),
    Row(
      driver: .plain, reported: 2, configured: 0, automatic: 2,
      enabling: ["split 2"], undoing: ["split 0"]),
    Row(
      driver: .plain, reported: 1, configured: 1, automatic: 2,
      enabling: ["split 0", "split 2"], undoing: ["split 1"], unlearnt: 1),
    Row(
      driver: .plain, reported: 2, configured: 2, automatic: 1, enabling: [], undoing: [],
      unlearnt: 2),
  ]

  private let nic = ScriptedNIC()

  @Test("a run changes what is needed only, and leaves the split as it was", arguments: rows)
  func run(row: Row) throws {
    var transaction = try transaction(as: row)
    try transaction.enableHeaderSplit()
    #expect(nic.log == row.enabling)
    #expect((nic.split, nic.configuredSplit) == (2, 2))
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.log == row.undoing)
    expectBack(row)
  }

  @Test("a threshold is set with the split, and comes back with it", arguments: rows)
  func threshold(row: Row) throws {
    var transaction = try transaction(as: row)
    nic.threshold = 640
    try transaction.enableHeaderSplit()
    #expect((nic.split, nic.configuredSplit, nic.threshold) == (2, 2, 0))
    #expect(nic.log.last?.hasSuffix("threshold 0") == true)
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.threshold == 640)
    #expect(nic.log.count <= 2)
    expectBack(row)
  }

  @Test("a probe, which switches back and forth, leaves the split as it was", arguments: rows)
  func probe(row: Row) throws {
    var transaction = try transaction(as: row)
    nic.threshold = 640
    for _ in 0..<2 {
      try transaction.enableHeaderSplit()
      try transaction.disableHeaderSplit()
      #expect(nic.configuredSplit == 0)
    }
    try transaction.enableHeaderSplit()
    #expect(transaction.undo().isEmpty)
    #expect(nic.threshold == 640)
    expectBack(row)
  }

  @Test(
    "a run that is killed at any point is undone by another process",
    arguments: rows, 0..<4)
  func killed(row: Row, writes: Int) throws {
    nic.writesLeft = writes
    var transaction = try transaction(as: row)
    do { try transaction.enableHeaderSplit() } catch {}
    let text = Change.text(of: transaction.changes)
    nic.writesLeft = nil
    var other = Transaction(
      on: try nic.interface(), resuming: try #require(Change.changes(in: text)))
    #expect(other.undo().isEmpty)
    #expect(nic.split == row.reported)
  }

  @Test("an undo that is killed at any point is done by another process", arguments: rows, 0..<3)
  func killedInUndo(row: Row, writes: Int) throws {
    var transaction = try transaction(as: row)
    try transaction.enableHeaderSplit()
    let journal = transaction.changes
    nic.writesLeft = writes
    _ = transaction.undo()
    nic.writesLeft = nil
    var other = Transaction(on: try nic.interface(), resuming: journal)
    #expect(other.undo().isEmpty)
    expectBack(row)
  }

  @Test(
    "where nothing is announced, the driver's choice comes back, or else the name", arguments: rows)
  func unannounced(row: Row) throws {
    nic.announces = false
    var transaction = try transaction(as: row)
    try transaction.enableHeaderSplit()
    #expect(transaction.undo().isEmpty)
    #expect(nic.split == row.reported)
    #expect(nic.configuredSplit == row.unlearnt)
  }

  @Test(
    "a kernel that keeps no configuration gets back what the driver reported", arguments: [1, 2])
  func noConfiguration(reported: UInt8) throws {
    nic.keepsConfiguration = false
    nic.split = reported
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    try transaction.disableHeaderSplit()
    try transaction.enableHeaderSplit()
    #expect(transaction.undo().isEmpty)
    #expect(nic.split == reported)
  }

  private func transaction(as row: Row) throws -> Transaction {
    nic.splitDriver = row.driver
    (nic.split, nic.configuredSplit) = (row.reported, row.configured)
    nic.automaticSplit = row.automatic
    return Transaction(on: try nic.interface())
  }

  private func expectBack(_ row: Row) {
    #expect(nic.split == row.reported)
    #expect(nic.configuredSplit == row.configured)
  }
}
