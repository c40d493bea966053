// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import Recovery
import TestSupport
import Testing

struct RestorationTests {
  private let place: Directory
  private let nic = ScriptedNIC()
  private let host = Host(boot: "boot", namespace: 1)
  private let flow = FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 5201))

  init() throws { place = try Directory() }

  @Test("a set-up that was left is undone from its journal, which is removed")
  func restores() throws {
    nic.threshold = 128
    let before = try state()
    try leaveSetUp()
    #expect(try state() != before)
    #expect(
      try restore() == .done(count: 5, interface: "nic0 (driver scripted)", owner: 4321))
    #expect(try state() == before)
    #expect(place.read("1-7") == nil)
  }

  @Test(
    "a run that dies between noting a change, making it and noting its result leaves what undoes it",
    arguments: 0...5, [0, 1])
  func diesBetweenSteps(writes: Int, unnoted: Int) throws {
    nic.threshold = 128
    let before = try state()
    // What the journal has at each write: the last ones made may not have been followed up.
    var texts: [String] = []
    nic.beforeWrite = { texts.append(place.read("1-7") ?? "") }
    nic.writesLeft = writes
    try leaveSetUp()
    texts.append(place.read("1-7") ?? "")
    nic.beforeWrite = {}
    nic.writesLeft = nil
    guard writes >= unnoted else { return }
    try place.write(texts[writes - unnoted], to: "1-7")
    _ = try restore()
    #expect(try state() == before)
    #expect(place.read("1-7") == nil)
  }

  @Test("a journal of another boot or device is dropped, and nothing is changed")
  func stale() throws {
    let foreign: [(inout Record) -> Void] = [
      { $0.host.boot = "another" }, { $0.device.driver = "another" }, { $0.device.bus = "another" },
      { $0.device.address = "0201" }, { $0.device.index = 8 },
    ]
    for change in foreign {
      var record = try leaveSetUp()
      change(&record)
      try place.write(record.text, to: "1-7")
      nic.log = []
      guard case .stale = try restore() else {
        Issue.record("\(record.text) is not stale")
        return
      }
      #expect(nic.log == [])
      #expect(place.read("1-7") == nil)
    }
  }

  @Test("a journal of another namespace stays, and nothing is changed")
  func elsewhere() throws {
    var record = try leaveSetUp()
    record.host.namespace = 2
    try place.write(record.text, to: "1-7")
    nic.log = []
    #expect(try restore() == .elsewhere)
    #expect(nic.log == [])
    #expect(place.read("1-7") == record.text)
  }

  @Test("a journal without changes is removed")
  func nothing() throws {
    try place.write("ncdevmem journal 3\npid 1", to: "1-7")
    #expect(try restore() == .nothing)
    #expect(place.read("1-7") == nil)
  }

  @Test("what cannot be undone is reported, and stays in the journal for the next time")
  func failingUndo() throws {
    let before = try state()
    try leaveSetUp()
    nic.refusals = [("rule delete", EIO), ("ntuple", EBUSY)]
    var others: [Errno?] = []
    let failure = failing { () throws(Failure) in
      try restore { others.append($0.errno) }
    }
    #expect(failure?.errno?.rawValue == EIO)
    #expect(others == [.busy])
    let text = try #require(place.read("1-7"))
    #expect(try Record(text: text).changes.count == 2)
    nic.refusals = []
    #expect(
      try restore() == .done(count: 2, interface: "nic0 (driver scripted)", owner: 4321))
    #expect(try state() == before)
  }

  @Test("what cannot be undone is a failure, whatever the driver answers, and names the way out")
  func failedUndoIsFailure() throws {
    try leaveSetUp()
    nic.refusals = [("ntuple", EOPNOTSUPP)]
    let failure = failing { () throws(Failure) in try restore() }
    #expect(failure?.errno == .notSupported)
    #expect(failure?.exitStatus() == 1)
    #expect(failure?.hint?.contains(place.path + "/1-7") == true)
    #expect(failure?.hint?.contains("`ncdevmem --restore --force") == true)
    nic.missingCommands = [ETHTOOL_GPERMADDR: EOPNOTSUPP]
    #expect(failing { () throws(Failure) in try restore() }?.exitStatus() == 1)
  }

  @Test("by force what can be undone is, the rest is reported, and the journal is gone")
  func force() throws {
    try leaveSetUp()
    nic.refusals = [("rule delete", EIO), ("ntuple", EBUSY)]
    var reported: [Errno?] = []
    let outcome = try restore(isForced: true) { reported.append($0.errno) }
    #expect(outcome == .forced(path: place.path + "/1-7"))
    #expect(reported == [.busy, Errno(EIO)])
    #expect(nic.split == 1 && nic.contexts.isEmpty && nic.table == [0, 1, 2, 3, 0, 1, 2, 3])
    #expect(place.read("1-7") == nil)
  }

  @Test("by force a damaged journal is dropped")
  func forceDamaged() throws {
    try place.write("ncdevmem: cannot\n", to: "1-7")
    let failure = failing { () throws(Failure) in try restore() }
    #expect(failure?.reason == "it is not one")
    #expect(failure?.hint?.contains("--force") == true)
    #expect(place.read("1-7") != nil)
    #expect(try restore(isForced: true) == .forced(path: place.path + "/1-7"))
    #expect(place.read("1-7") == nil)
  }

  @Test("force is no stand-in for privilege")
  func forceNeedsPrivilege() throws {
    try leaveSetUp()
    nic.refusals = [("rule delete", EIO), ("ntuple", EPERM)]
    nic.missingCommands[ETHTOOL_GWOL] = EPERM
    var reported: [Errno?] = []
    let failure = failing { () throws(Failure) in
      try restore(isForced: true) { reported.append($0.errno) }
    }
    #expect(failure?.errno == .notPermitted)
    #expect(failure?.hint?.contains("CAP_NET_ADMIN") == true)
    #expect(failure?.hint?.contains(place.path + "/1-7") == true)
    #expect(reported == [Errno(EIO)])
    #expect(place.read("1-7") != nil)
  }

  @Test("what can be undone later is tried again")
  func patience() throws {
    let before = try state()
    try leaveSetUp()
    nic.refusals = [("split", EINVAL)]
    // The closure has the NIC, and the directory with it.
    defer { nic.beforeWrite = {} }
    nic.beforeWrite = {
      if nic.log.filter({ $0.hasPrefix("split") }).count == 6 { nic.refusals = [] }
    }
    nic.log = []
    let outcome = try restore(patience: .seconds(5))
    #expect(outcome == .done(count: 5, interface: "nic0 (driver scripted)", owner: 4321))
    #expect(try state() == before)
  }

  @Test(
    "a stop ends the attempts after the first one, and drops no journal", arguments: [false, true])
  func stops(isForced: Bool) throws {
    try leaveSetUp()
    nic.refusals = [("split", EINVAL)]
    let stop = try Event()
    stop.raise()
    let start = Instant.now
    let failure = failing { () throws(Failure) in
      try restore(
        patience: .seconds(60), Wait(orStoppedBy: stop.descriptor), isForced: isForced)
    }
    #expect(Instant.now.since(start) < .seconds(30))
    #expect(failure?.errno == .invalidArgument)
    #expect(failure?.exitStatus() == 1)
    // The rest is undone.
    #expect(nic.contexts.isEmpty && nic.table == [0, 1, 2, 3, 0, 1, 2, 3])
    #expect(try Record(text: try #require(place.read("1-7"))).changes.count == 1)
  }

  /// Sets the NIC up as a run does, which then is no more.
  @discardableResult
  private func leaveSetUp() throws -> Record {
    var interface = try nic.interface()
    let record = Record(owner: 4321, host: host, device: try interface.identity())
    var journal = try open()
    try journal.begin(record)
    var transaction = Transaction(on: interface, notedIn: journal)
    do {
      try transaction.enableHeaderSplit()
      try transaction.moveRSS(off: [3])
      try transaction.steer(flow, to: .queue(3))
      _ = try transaction.createContext(over: [3])
    } catch {
      #expect(error.errno == .interrupted)
    }
    var left = record
    left.changes = transaction.changes
    return left
  }

  private func open() throws(Failure) -> Journal {
    try Journal(
      named: Journal.name(on: host, interface: 7), in: try RuntimeDirectory(at: place.path),
      creating: true)
  }

  private func restore(
    patience: Duration = .zero, _ wait: Wait = Wait(), isForced: Bool = false,
    reportingTo report: (Failure) -> Void = { _ in }
  ) throws(Failure) -> Restoration {
    var journal = try open()
    return try journal.restore(
      on: host, patience: patience, wait, isForced: isForced, reportingTo: report
    ) { index throws(Failure) in
      guard index == 7 else { throw Failure("find", errno: .noDevice) }
      return try nic.interface()
    }
  }

  private func state() throws(Failure) -> NICState {
    var interface = try nic.interface()
    return try interface.state()
  }
}
