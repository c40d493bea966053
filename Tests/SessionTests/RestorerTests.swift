// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import Options
import Recovery
import Session
import TestSupport
import Testing

/// Each test restores in a process of its own, whose standard error it reads.
struct RestorerTests {
  @Test("a directory that others can write to is reported, and the next one's journals are undone")
  func foreignDirectory() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      let (foreign, own) = (try Directory(), try Directory())
      try own.leaveJournal()
      foreign.change("", mode: 0o770)
      let failure = failing { () throws(Failure) in try restore(in: [foreign.path, own.path]) }
      #expect(failure?.reason == "others can have written to it")
      #expect(failure?.subject == foreign.path)
      #expect(own.files.names(in: "") == [])
    }
    #expect(result.errors.contains("brought back lo ("))
  }

  @Test("another user's directory does not keep a user from restoring", .enabled { geteuid() == 0 })
  func unreadableDirectory() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) {
      let roots = try Directory()
      try #require(seteuid(65534) == 0)
      let own = try Directory()
      try own.leaveJournal()
      try restore(in: [roots.path, own.path])
      #expect(own.files.names(in: "") == [])
      try #require(seteuid(0) == 0)
    }
    #expect(result.errors.contains("EACCES"))
    #expect(result.errors.contains("brought back lo ("))
  }

  @Test("a failure to undo is a failure, whatever its errno", arguments: [false, true])
  func failure(isNamed: Bool) async throws {
    await #expect(processExitsWith: .success) { [isNamed] in
      let own = try Directory()
      // The loopback has no ring parameters, so undoing this fails.
      try own.leaveJournal(of: [.splitThreshold(5)])
      let failure = failing { () throws(Failure) in
        try restore(in: [own.path], only: isNamed ? "lo" : nil)
      }
      #expect(failure?.exitStatus() == 1)
      #expect(own.files.names(in: "").count == 1)
      try restore(in: [own.path], isForced: true)
      #expect(own.files.names(in: "") == [])
    }
  }
}

extension RestorerTests {
  @Test("a stop leaves the journals that are still to be tried")
  func stopped() async throws {
    await #expect(processExitsWith: .success) {
      let own = try Directory()
      try own.leaveJournal()
      let stop = try Event()
      stop.raise()
      let failure = failing { () throws(Failure) in
        try restore(in: [own.path], Wait(orStoppedBy: stop.descriptor))
      }
      #expect(failure?.kind == .stopped)
      #expect(own.files.names(in: "").count == 1)
      try restore(in: [own.path])
      #expect(own.files.names(in: "") == [])
    }
  }
}

private func restore(
  in places: [String], only interface: String? = nil, isForced: Bool = false,
  _ wait: Wait = Wait()
) throws(Failure) {
  try Restorer(
    configuration: Configuration.Restore(interface: interface, isForced: isForced), places: places,
    lockPrefix: places[0]
  ).run(wait)
}

extension Directory {
  /// Leaves the journal of a run on the loopback; without changes named, of one that asks for no
  /// privilege to be undone.
  fileprivate func leaveJournal(of changes: [Change]? = nil) throws {
    var loopback = try Interface(named: "lo")
    let host = try Host.current()
    let feature = try loopback.features().first { $0.name == "loopback" }
    let nothing = Change.feature(name: "loopback", requested: feature?.isRequested ?? false)
    let record = Record(
      owner: 4321, host: host, device: try loopback.identity(), changes: changes ?? [nothing])
    try write(record.text, to: Journal.name(on: host, interface: loopback.index))
  }
}

extension ExitTest.Result {
  /// What the process wrote to the standard error.
  fileprivate var errors: String { String(decoding: standardErrorContent, as: UTF8.self) }
}
