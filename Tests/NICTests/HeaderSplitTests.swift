// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import TestSupport
import Testing

struct HeaderSplitTests {
  private let nic = ScriptedNIC()

  @Test("a threshold is set only where there is one that is not 0", arguments: [nil, 0, 512])
  func threshold(earlier: UInt32?) throws {
    nic.threshold = earlier
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    #expect(nic.log == (earlier == 512 ? ["split 2", "threshold 0"] : ["split 2"]))
    #expect(transaction.undo().isEmpty)
    #expect(nic.threshold == earlier)
    #expect(nic.split == 1)
  }

  @Test(
    "the earlier split comes back: by the driver's choice if that is the same, else by name",
    arguments: [
      (earlier: 0, automatic: 0, restored: ["split 0"]),
      (earlier: 1, automatic: 1, restored: ["split 0"]),
      (earlier: 1, automatic: 2, restored: ["split 0", "split 1"]),
      (earlier: 2, automatic: 1, restored: ["split 2"]),
    ] as [(UInt8, UInt8, [String])])
  func earlierSplit(earlier: UInt8, automatic: UInt8, restored: [String]) throws {
    nic.split = earlier
    nic.automaticSplit = automatic
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    // The probe switches back and forth; what was there first counts.
    try transaction.disableHeaderSplit()
    if earlier != 2 { try transaction.enableHeaderSplit() }
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.log == restored)
    #expect(nic.split == earlier)
  }

  @Test("a driver that refuses its own choice gets the earlier split by name")
  func automaticRefused() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    nic.refusals = [("split 0", EINVAL)]
    #expect(transaction.undo().isEmpty)
    #expect(nic.split == 1)
  }

  @Test("a split that was acknowledged and is not in force is a failure")
  func notInForce() throws {
    nic.ignored = ["split"]
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.enableHeaderSplit() }
    #expect(failure?.reason?.contains("tcp-data-split disabled") == true)
  }

  @Test("an earlier split that does not come back is a failure")
  func notRestored() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    nic.ignored = ["split"]
    let failures = transaction.undo()
    #expect(failures.count == 1)
    #expect(failures.first?.reason == "it was set, but is not in force")
  }

  @Test("a driver without the ring parameter is switched by its private flag, and gets it back")
  func privateFlag() throws {
    nic.refusals = [("split", EOPNOTSUPP)]
    nic.privateFlagNames = ["other", "enable-header-split"]
    nic.privateFlags = 1
    nic.threshold = 64
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    #expect(nic.privateFlags == 3)
    #expect(nic.threshold == 0)
    try transaction.disableHeaderSplit()
    #expect(nic.privateFlags == 1)
    try transaction.enableHeaderSplit()
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.log == ["threshold 64", "flags 1"])
  }

  @Test("a private flag or a threshold that was set and is not in force is a failure")
  func notInForceEither() throws {
    nic.refusals = [("split", EOPNOTSUPP)]
    nic.privateFlagNames = ["header-split"]
    nic.ignored = ["flags"]
    var transaction = Transaction(on: try nic.interface())
    let byFlag = failing { () throws(Failure) in try transaction.enableHeaderSplit() }
    #expect(byFlag?.operation == "enable header split of")
    nic.refusals = []
    nic.threshold = 9
    nic.ignored = ["threshold"]
    let byThreshold = failing { () throws(Failure) in try transaction.enableHeaderSplit() }
    #expect(byThreshold?.reason?.contains("hds-thresh 9") == true)
  }

  @Test("a driver with neither is not supported")
  func neither() throws {
    nic.refusals = [("split", EOPNOTSUPP)]
    nic.privateFlagNames = ["other"]
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.enableHeaderSplit() }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.reason == "refused by the script")
    #expect(transaction.changes.isEmpty)
  }
}
