// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import Recovery
import TestSupport
import Testing

struct JournalTests {
  private let place: Directory
  private let record = Record(
    owner: getpid(), host: Host(boot: "boot", namespace: 1),
    device: DeviceIdentity(index: 7, driver: "scripted", bus: "", address: "02"))

  init() throws { place = try Directory() }

  @Test("what is noted is read back by the next one that opens the journal")
  func keepsNotes() throws {
    do {
      var journal = try open()
      #expect(try journal.record() == nil)
      try journal.begin(record)
      try journal.note([.headerSplit(EarlierSplit(reported: .disabled))])
      try journal.note([.headerSplit(EarlierSplit(reported: .disabled)), .splitThreshold(5)])
    }
    var journal = try open(creating: false)
    var expected = record
    expected.changes = [.headerSplit(EarlierSplit(reported: .disabled)), .splitThreshold(5)]
    #expect(try journal.record() == expected)
    try journal.note([.splitThreshold(5)])
    expected.changes = [.splitThreshold(5)]
    #expect(try journal.record() == expected)
  }

  @Test("a line that was cut does not become part of the next one")
  func continuesAfterCut() throws {
    try place.write(record.text + "changes split 2; thresh", to: "7")
    var journal = try open()
    #expect(try journal.record() == record)
    try journal.note([.splitThreshold(1)])
    #expect(try journal.record()?.changes == [.splitThreshold(1)])
    #expect(place.read("7") == record.text + "changes threshold 1 0\n")
  }

  @Test("a journal in memory is one, too")
  func inMemory() throws {
    var journal = try Journal()
    try journal.begin(record)
    try journal.note([.splitThreshold(1)])
    #expect(try journal.record()?.changes == [.splitThreshold(1)])
    journal.remove()
  }

  @Test("a second run learns who has the journal, and a later one gets it")
  func lock() throws {
    do {
      var first = try open()
      try first.begin(record)
      let failure = failing { () throws(Failure) in _ = try open(patience: .zero).path }
      #expect(failure?.errno == .busy)
      #expect(failure?.reason?.contains("pid \(getpid()),") == true)
      #expect(failing { () throws(Failure) in _ = try open(named: "8").path } == nil)
    }
    #expect(failing { () throws(Failure) in _ = try open().path } == nil)
  }

  @Test("a lock whose owner is dead is waited for")
  func deadOwner() throws {
    var first: Journal? = try open()
    var dead = record
    // No process has this number (`PID_MAX_LIMIT`).
    dead.owner = 1 << 22 + 1
    try first?.begin(dead)
    let start = Instant.now
    let failure = failing { () throws(Failure) in _ = try open(patience: .milliseconds(200)).path }
    #expect(failure?.errno == .busy)
    #expect(Instant.now.since(start) >= .milliseconds(200))
    first = nil
    #expect(failing { () throws(Failure) in _ = try open().path } == nil)
  }

  @Test("a stop ends the wait for a lock", arguments: [true, false])
  func stops(isDead: Bool) throws {
    var first = try open()
    var owner = record
    if isDead { owner.owner = 1 << 22 + 1 }
    try first.begin(owner)
    let stop = try Event()
    stop.raise()
    let start = Instant.now
    let failure = failing { () throws(Failure) in
      _ = try open(patience: .seconds(60), Wait(orStoppedBy: stop.descriptor)).path
    }
    #expect(failure?.kind == .stopped)
    #expect(Instant.now.since(start) < .seconds(30))
    _ = first.path
  }

  @Test("an owner that may be about to end is waited for, too")
  func livingOwner() throws {
    var first = try open()
    try first.begin(record)
    let start = Instant.now
    let failure = failing { () throws(Failure) in _ = try open(patience: .milliseconds(200)).path }
    #expect(failure?.errno == .busy)
    #expect(Instant.now.since(start) >= .milliseconds(200))
    _ = first.path
  }

  @Test("a journal that was removed is not taken for the one that follows")
  func removal() throws {
    let first = try open()
    first.remove()
    var second = try open()
    try second.begin(record)
    first.remove()
    #expect(place.read("7") == record.text)
    #expect(
      failing { () throws(Failure) in _ = try open(named: "9", creating: false).path }?.errno
        == .noEntry)
  }

  @Test("a journal that cannot be removed is emptied: it must not be applied again")
  func emptied() throws {
    var journal = try open()
    try journal.begin(record)
    try journal.note([.splitThreshold(1)])
    // A directory is not removed as a file is (`EISDIR`).
    try #require(unsafe rename(place.path + "/7", place.path + "/8") == 0)
    try #require(unsafe mkdir(place.path + "/7", 0o700) == 0)
    journal.remove()
    #expect(place.read("8") == "")
    #expect(unsafe rmdir(place.path + "/7") == 0)
  }

  @Test("what others can have written is not trusted", arguments: [0o620, 0o602, 0o666])
  func foreignFile(mode: UInt32) throws {
    try place.write(record.text, to: "7")
    place.change("7", mode: mode)
    let failure = failing { () throws(Failure) in _ = try open().path }
    #expect(failure?.reason == "others can have written to it")
    #expect(place.read("7") == record.text)
  }

  @Test("links and pipes are not followed")
  func otherFiles() throws {
    try place.write(record.text, to: "real")
    try place.link("soft", to: place.path + "/real")
    unsafe link(place.path + "/real", place.path + "/hard")
    unsafe mkfifo(place.path + "/pipe", 0o600)
    #expect(
      failing { () throws(Failure) in _ = try open(named: "soft").path }?.errno?.name == "ELOOP")
    for name in ["hard", "pipe"] {
      #expect(failing { () throws(Failure) in _ = try open(named: name).path } != nil)
    }
  }

  @Test("a file that is no journal is reported, and stays")
  func malformed() throws {
    let text = record.text + "changes nonsense\n"
    try place.write(text, to: "7")
    var journal = try open()
    let failure = failing { () throws(Failure) in try journal.record() }
    #expect(failure?.subject == place.path + "/7")
    #expect(failure?.hint?.contains("`ncdevmem --restore --force") == true)
    #expect(place.read("7") == text)
  }

  @Test("a directory that others can write to is not used, nor is a link to one")
  func foreignDirectory() throws {
    #expect(failing { () throws(Failure) in try RuntimeDirectory(at: place.path).path } == nil)
    try place.link("link", to: place.path)
    #expect(
      failing { () throws(Failure) in try RuntimeDirectory(at: place.path + "/link").path } != nil)
    place.change("", mode: 0o770)
    let failure = failing { () throws(Failure) in try RuntimeDirectory(at: place.path).path }
    #expect(failure?.reason == "others can have written to it")
  }

  @Test("the first directory that can be used is made, for its owner only")
  func firstDirectory() throws {
    try place.write("", to: "file")
    let places = [place.path + "/file", place.path + "/none/none", place.path + "/new"]
    #expect(try RuntimeDirectory(firstOf: places).path == places[2])
    #expect(try RuntimeDirectory(firstOf: places).names() == [])
    #expect(place.mode("new") == 0o700)
    let failure = failing { () throws(Failure) in
      try RuntimeDirectory(firstOf: Array(places[..<2])).path
    }
    #expect(failure?.subject == places[0])
  }

  /// By default with the patience to outlast a process that another test starts: it has all locks of
  /// this one until it executes its program.
  private func open(
    named name: String = "7", creating: Bool = true, patience: Duration = .seconds(20),
    _ wait: Wait = Wait()
  ) throws(Failure) -> Journal {
    try Journal(
      named: name, in: try RuntimeDirectory(at: place.path), creating: creating,
      patience: patience, wait)
  }
}
