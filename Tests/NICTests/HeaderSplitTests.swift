// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import TestSupport
import Testing

struct HeaderSplitTests {
  private let nic = ScriptedNIC()

  /// A transaction that has switched on the hardware GRO that the driver wants, and the split.
  private func transactionWithHardwareGRO() throws -> Transaction {
    nic.splitDriver = .silent
    nic.split = 0
    nic.needsHardwareGRO = true
    nic.hardwareGRO.isAvailable = true
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    return transaction
  }

  @Test(
    "a threshold is set only where there is one that is not 0, in the split's request",
    arguments: [nil, 0, 512])
  func threshold(earlier: UInt32?) throws {
    nic.threshold = earlier
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    #expect(nic.log == (earlier == 512 ? ["split 2, threshold 0"] : ["split 2"]))
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.log.first == (earlier == 512 ? "split 1, threshold 512" : "split 1"))
    #expect(nic.threshold == earlier)
    #expect(nic.split == 1)
  }

  @Test("a driver that wants hardware GRO gets it, for as long as it splits headers")
  func hardwareGRO() throws {
    var transaction = try transactionWithHardwareGRO()
    #expect(nic.log == ["split 2", "rx-gro-hw on", "split 2"])
    try transaction.disableHeaderSplit()
    try transaction.enableHeaderSplit()
    nic.log = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.log == ["split 0", "rx-gro-hw off"])
    #expect(nic.hardwareGRO == (false, false, true))
  }

  @Test("hardware GRO that the driver holds on for a split that cannot be undone goes off after it")
  func heldHardwareGRO() throws {
    var transaction = try transactionWithHardwareGRO()
    // As the kernel does while another program has a queue bound.
    nic.refusals = [("split 0", EINVAL)]
    #expect(transaction.undo().count == 2)
    #expect(nic.hardwareGRO == (true, false, true))
    nic.refusals = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.split == 0)
    #expect(nic.hardwareGRO == (false, false, true))
  }

  @Test("where neither split nor threshold can be brought back, the failure is the split's")
  func splitBeforeThreshold() throws {
    nic.splitDriver = .alwaysEnabled
    nic.split = 2
    nic.threshold = 640
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    // As the kernel does while another program has a queue bound.
    nic.refusals = [("split", EINVAL), ("threshold", EINVAL)]
    let failures = transaction.undo()
    #expect(failures.map { $0.operation.contains("tcp-data-split") } == [true])
    nic.refusals = []
    #expect(transaction.undo().isEmpty)
    #expect(nic.threshold == 640)
  }

  @Test(
    "hardware GRO that cannot be had is a lack, in the driver's words", arguments: [true, false])
  func noHardwareGRO(isAvailable: Bool) throws {
    nic.needsHardwareGRO = true
    nic.hardwareGRO.isAvailable = isAvailable
    nic.ignored = ["rx-gro-hw on"]
    nic.words = "no split when GRO HW is disabled"
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.enableHeaderSplit() }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.exitStatus() == 4)
    #expect(failure?.reason == "no split when GRO HW is disabled")
    #expect(failure?.hint?.contains("rx-gro-hw") == true)
    #expect(transaction.undo().isEmpty)
    #expect(nic.hardwareGRO == (false, false, isAvailable))
    #expect(nic.split == 1)
  }

  @Test("a refusal for another reason changes no feature", arguments: [EINVAL, EBUSY])
  func otherRefusal(errno: CInt) throws {
    nic.refusals = [("split 2", errno)]
    nic.hardwareGRO = (errno == EINVAL, true, true)
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.enableHeaderSplit() }
    #expect(failure?.errno == Errno(errno))
    #expect(failure?.exitStatus() == 1)
    #expect(nic.log == ["split 2"])
  }

  @Test("rings and channels that the driver cuts for the split come back after it")
  func cut() throws {
    nic.cut = (RingSizes(receive: 64, transmit: 512), 2)
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    #expect(nic.queueCount == 2)
    // The journal has what a guard needs.
    let journal = try #require(Change.changes(in: Change.text(of: transaction.changes)))
    #expect(journal.count == 3)
    nic.log = []
    var other = Transaction(on: try nic.interface(), resuming: journal)
    #expect(other.undo().isEmpty)
    #expect(nic.log == ["split 1", "split 0", "rings 256 512", "channels [0, 0, 0, 4]"])
    #expect(nic.queueCount == 4)
    #expect(nic.sizes == RingSizes(receive: 256, transmit: 512))
  }

  @Test("rings and channels that somebody else has set since stay")
  func cutAndSet() throws {
    nic.cut = (RingSizes(receive: 64, transmit: 512), 2)
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    nic.sizes.receive = 128
    nic.queueCount = 3
    var left: [String] = []
    #expect(transaction.undo { left.append($0) }.isEmpty)
    #expect(left.count == 2)
    #expect(left.allSatisfy { $0.contains("somebody else has set it since") })
    #expect(nic.sizes.receive == 128)
    #expect(nic.queueCount == 3)
  }

  @Test("a driver that refuses its own choice gets the earlier split by name, which is not all")
  func automaticRefused() throws {
    var transaction = Transaction(on: try nic.interface())
    try transaction.enableHeaderSplit()
    nic.refusals = [("split 0", EINVAL)]
    #expect(transaction.undo().map(\.errno) == [.invalidArgument])
    #expect(nic.split == 1)
    nic.refusals = []
    #expect(transaction.undo().isEmpty)
    #expect((nic.split, nic.configuredSplit) == (1, 0))
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

  @Test(
    "nothing is recorded, and so nothing undone, where the privilege is missing",
    arguments: [nil, 64])
  func unprivileged(threshold: UInt32?) throws {
    nic.refusals = [("split", EPERM)]
    nic.threshold = threshold
    var transaction = Transaction(on: try nic.interface())
    let failure = failing { () throws(Failure) in try transaction.enableHeaderSplit() }
    #expect(failure?.errno == .notPermitted)
    #expect(transaction.changes.isEmpty)
    nic.log = []
    #expect(transaction.undo().isEmpty && nic.log.isEmpty)
  }
}
