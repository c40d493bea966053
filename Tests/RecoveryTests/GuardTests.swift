// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import NIC
import Recovery
import TestSupport
import Testing

/// Each test starts its guard in a process of its own. The guard has that process's standard error:
/// once it has been read to its end, a guard that was left has done its work. What comes after the
/// end of an exit test's body is cut off, so a test that wants the guard's own output ends the
/// process itself.
struct GuardTests {
  private let place: Directory

  init() throws { place = try Directory() }

  private var journals: [String] { place.files.names(in: "") }

  @Test("a guard takes the journal of its interface, and removes it where nothing is left to undo")
  func nothingLeft() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) { [path = place.path as String] in
      let files = SystemFiles(below: path)
      let name = Journal.name(on: try .current(), interface: 7)
      do {
        var interface = try ScriptedNIC().interface()
        var sentry = try Guard(for: &interface, places: [path], lockPrefix: path)
        #expect(files.text("/" + name)?.hasSuffix("\nchanges") == true)
        #expect(files.text("/" + name)?.contains("\npid \(getpid())\n") == true)
        try sentry.note([.splitThreshold(5)])
        #expect(files.text("/" + name)?.hasSuffix("\nchanges threshold 5 0") == true)
        try sentry.note([])
      }
      #expect(files.names(in: "") == [])
    }
    #expect(!result.errors.contains("ncdevmem"))
    #expect(!result.errors.contains("journal"))
  }

  @Test("what is left when a run ends is kept for the guard, which undoes it after the end")
  func somethingLeft() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) { [path = place.path as String] in
      let files = SystemFiles(below: path)
      do {
        var loopback = try Interface(named: "lo")
        var sentry = try Guard(for: &loopback, places: [path], lockPrefix: path)
        try sentry.note([try loopback.changeOfNothing()])
      }
      #expect(files.names(in: "").count == 1)
      exit(EXIT_SUCCESS)
    }
    #expect(result.errors.contains("brought back lo ("))
    #expect(result.errors.contains("left with one change\n"))
    #expect(journals == [])
  }

  @Test("the guard of a run that is killed undoes its changes")
  func killed() async throws {
    let result = try await #require(
      processExitsWith: .signal(SIGKILL), observing: [\.standardErrorContent]
    ) { [path = place.path as String] in
      var loopback = try Interface(named: "lo")
      var sentry = try Guard(for: &loopback, places: [path], lockPrefix: path)
      try sentry.note([try loopback.changeOfNothing()])
      raise(SIGKILL)
      try sentry.note([])
    }
    #expect(result.errors.contains("brought back lo ("))
    #expect(journals == [])
  }

  @Test("a guard first undoes what an earlier run has left with its guard dead")
  func earlierRun() async throws {
    var loopback = try Interface(named: "lo")
    let host = try Host.current()
    let record = Record(
      owner: 4321, host: host, device: try loopback.identity(),
      changes: [try loopback.changeOfNothing()])
    try place.write(record.text, to: Journal.name(on: host, interface: loopback.index))
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) { [path = place.path as String] in
      var loopback = try Interface(named: "lo")
      var sentry = try Guard(for: &loopback, places: [path], lockPrefix: path)
      try sentry.note([])
    }
    #expect(result.errors.contains("which process 4321 left with one change\n"))
    #expect(journals == [])
  }

  @Test("a second guard of the same interface is refused with the pid of the first one's run")
  func secondGuard() async throws {
    await #expect(processExitsWith: .success) { [path = place.path as String] in
      var interface = try ScriptedNIC().interface()
      var sentry = try Guard(for: &interface, places: [path], lockPrefix: path)
      let failure = failing { () throws(Failure) in
        var same = try ScriptedNIC().interface()
        var other = try Guard(for: &same, places: [path], lockPrefix: path)
        try other.note([])
      }
      #expect(failure?.errno == .busy)
      #expect(failure?.reason == "another run, pid \(getpid()), has the interface")
      try sentry.note([])
    }
    #expect(journals == [])
  }

  @Test("without a place for a journal a run is still guarded, and warned once")
  func noPlace() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) { [path = place.path as String] in
      do {
        var loopback = try Interface(named: "lo")
        var sentry = try Guard(for: &loopback, places: [], lockPrefix: path)
        try sentry.note([try loopback.changeOfNothing()])
        try sentry.note([try loopback.changeOfNothing()])
      }
      exit(EXIT_SUCCESS)
    }
    #expect(result.errors.contains("ncdevmem: cannot use the runtime directory: none is named\n"))
    #expect(result.errors.ranges(of: "warning: there is no journal").count == 1)
    #expect(result.errors.contains("brought back lo ("))
  }

  @Test("without a change there is nothing to warn of")
  func nothingToLose() async throws {
    let result = try await #require(
      processExitsWith: .success, observing: [\.standardErrorContent]
    ) { [path = place.path as String] in
      var loopback = try Interface(named: "lo")
      _ = try Guard(for: &loopback, places: [], lockPrefix: path)
    }
    #expect(!result.errors.contains("warning: there is no journal"))
  }
}

extension Interface {
  /// A change whose undo finds nothing to do, and so needs no privilege.
  fileprivate mutating func changeOfNothing() throws(Failure) -> Change {
    let feature = try features().first { $0.name == "loopback" }
    return .feature(name: "loopback", requested: feature?.isRequested ?? false)
  }
}

extension ExitTest.Result {
  /// What the process and its guard wrote to the standard error.
  fileprivate var errors: String { String(decoding: standardErrorContent, as: UTF8.self) }
}
