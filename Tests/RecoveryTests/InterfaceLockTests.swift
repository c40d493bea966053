// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Recovery
import TestSupport
import Testing

struct InterfaceLockTests {
  /// Names that no other test has.
  private let place: Directory
  private var prefix: String { place.path }

  init() throws { place = try Directory() }

  private func lock(
    _ index: UInt32 = 7, patience: Duration = .zero
  ) throws(Failure) -> InterfaceLock {
    try InterfaceLock(on: index, named: "nic0", prefix: prefix, patience: patience)
  }

  private func refusal(patience: Duration = .zero) -> Failure? {
    failing { () throws(Failure) in try lock(patience: patience).defect }
  }

  @Test("a second run is refused with the pid of the first, and told before it begins")
  func refuses() throws {
    do {
      let first = try lock()
      let defect = first.defect
      #expect(defect == nil)
      let failure = refusal()
      #expect(failure?.errno == .busy)
      #expect(failure?.reason == "another run, pid \(getpid()), has the interface")
      #expect(
        InterfaceLock.reason(againstRunOn: 7, prefix: prefix)
          == "another run, pid \(getpid()), has the interface")
      #expect(InterfaceLock.reason(againstRunOn: 8, prefix: prefix) == nil)
      let other = try lock(8).defect
      #expect(other == nil)
      _ = consume first
    }
    let wait = patience()
    var last = refusal()
    while last != nil, !wait.isOver {
      pause(for: .milliseconds(10))
      last = refusal()
    }
    #expect(last == nil)
  }

  @Test("a run that may be about to end is waited for")
  func waits() throws {
    let first = try lock()
    let start = Instant.now
    #expect(refusal(patience: .milliseconds(200))?.errno == .busy)
    #expect(Instant.now.since(start) >= .milliseconds(200))
    _ = consume first
  }

  @Test("a stop ends the wait for another run, and for one that does not answer")
  func stops() throws {
    let stop = try Event()
    stop.raise()
    func stopped() -> Failure? {
      failing { () throws(Failure) in
        try InterfaceLock(
          on: 7, named: "nic0", prefix: prefix, patience: .seconds(60),
          Wait(orStoppedBy: stop.descriptor)
        ).defect
      }
    }
    let start = Instant.now
    do {
      let first = try lock()
      #expect(stopped()?.kind == .stopped)
      _ = consume first
    }
    // The name is taken, and nobody listens there.
    try take(prefix, 0, listens: false)
    #expect(stopped()?.kind == .stopped)
    #expect(Instant.now.since(start) < .seconds(30))
  }

  @Test("a name that a stranger has locks nobody out, and two runs still see each other")
  func passesStrangers() async throws {
    try #require(geteuid() == 0)
    await #expect(processExitsWith: .success) { [prefix = place.path as String] in
      let stranger = try Stranger(with: 3, prefix)
      let first = try InterfaceLock(on: 7, named: "nic0", prefix: prefix, patience: .zero)
      let defect = first.defect
      #expect(defect == nil)
      let failure = failing { () throws(Failure) in
        try InterfaceLock(on: 7, named: "nic0", prefix: prefix, patience: .zero).defect
      }
      #expect(failure?.errno == .busy)
      _ = consume first
      stranger.end()
    }
  }

  @Test("a run sees one that has a later name, though the first is free again")
  func seesLaterName() async throws {
    try #require(geteuid() == 0)
    await #expect(processExitsWith: .success) { [prefix = place.path as String] in
      let stranger = try Stranger(with: 1, prefix)
      let first = try InterfaceLock(on: 7, named: "nic0", prefix: prefix, patience: .zero)
      stranger.end()
      let failure = failing { () throws(Failure) in
        try InterfaceLock(on: 7, named: "nic0", prefix: prefix, patience: .zero).defect
      }
      #expect(failure?.errno == .busy)
      _ = consume first
    }
  }

  @Test("names that do not listen, or take nobody, are passed over as well")
  func passesSilent() throws {
    try take(prefix, 0, listens: false)
    try take(prefix, 1, backlog: 0)
    // Ours by the user, but nobody answers.
    while true {
      do { try ask(prefix, 1) } catch { break }
    }
    let lock = try lock()
    let defect = lock.defect
    #expect(defect == nil)
    #expect(InterfaceLock.reason(againstRunOn: 7, prefix: prefix) != nil)
    _ = consume lock
  }

  @Test("where strangers have all names, there is no lock, and the run goes on")
  func missing() async throws {
    try #require(geteuid() == 0)
    await #expect(processExitsWith: .success) { [prefix = place.path as String] in
      let stranger = try Stranger(with: InterfaceLock.nameCount, prefix)
      let lock = try InterfaceLock(on: 7, named: "nic0", prefix: prefix, patience: .zero)
      let defect = lock.defect
      #expect(defect == "cannot lock nic0: other users have all its names")
      stranger.end()
    }
  }
}

/// A process of a user without rights that has the first names of a lock.
private final class Stranger {
  private var process: pid_t = 0

  init(with names: Int, _ prefix: String) throws {
    let ready = try Pipe()
    process = fork()
    if process == 0 {
      // It does not outlive a test that failed for long.
      alarm(60)
      guard setuid(65534) == 0 else { _exit(1) }
      for number in 0..<names {
        guard (try? take(prefix, number)) != nil else { _exit(1) }
      }
      try? ready.write([1])
      while true { Glibc.pause() }
    }
    try #require(try Wait().limited(to: .seconds(10)).for(ready.reader.borrowed, to: "wait"))
  }

  func end() {
    kill(process, SIGKILL)
    _ = waitpid(process, nil, 0)
  }
}

/// How long a name that this process has given back may be taken: a process that another test starts
/// has it as well until it executes its program. It seems to be this process's, which does not end, so
/// that no patience with its owner helps.
private func patience() -> Wait { Wait().limited(to: .seconds(20)) }

/// Takes a name of a lock, once it is free, and keeps it to the end of the process.
@discardableResult
private func take(
  _ prefix: String, _ number: Int, listens: Bool = true, backlog: CInt = 16
) throws -> CInt {
  let socket = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
  let wait = patience()
  while true {
    do throws(Errno) {
      try unsafe withName(prefix, number) { unsafe bind(socket, $0, $1) }
      break
    } catch {
      guard error == .addressInUse, !wait.isOver else { throw error }
      pause(for: .milliseconds(10))
    }
  }
  if listens { try retrying { listen(socket, backlog) } }
  return socket
}

/// Connects to a name, without a wait.
private func ask(_ prefix: String, _ number: Int) throws {
  let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue
  let socket = socket(AF_UNIX, CInt(type), 0)
  try unsafe withName(prefix, number) { unsafe connect(socket, $0, $1) }
}

private func withName(
  _ prefix: String, _ number: Int, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt
) throws(Errno) {
  var address: [UInt8] = [UInt8(AF_UNIX), 0, 0] + Array("\(prefix)-7-\(number)".utf8)
  let length = socklen_t(address.count)
  try retrying {
    unsafe address.withUnsafeMutableBytes {
      unsafe call($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), length)
    }
  }
}
