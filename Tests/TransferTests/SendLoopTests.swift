// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Glibc
import Kernel
import Sockets
import TestSupport
import Testing
import Transfer

/// A stream of so many bytes, read in pieces of so many.
private struct CountedSource: PayloadSource, ~Copyable {
  var left: Int
  let piece: Int
  var failure: Failure?

  mutating func read(
    into buffer: inout MutableRawSpan, orUntil interruption: Interruption?
  ) throws(Failure) -> Reading {
    if let failure { throw failure }
    let count = min(left, piece, buffer.byteCount)
    left -= count
    return count > 0 ? .bytes(count) : .end
  }
}

struct SendLoopTests {
  /// The result of a run over scripted calls.
  private struct Run {
    var failure: Failure?
    var statistics: SendStatistics
  }

  /// Sends so many bytes, in pieces of so many, through a memory of 8 bytes: two slots.
  private func run(
    _ count: Int, inPiecesOf piece: Int = 4, to destination: ScriptedDestination,
    timeout: Duration = .seconds(1), isStopped: Bool = false
  ) throws -> Run {
    let stop = try Pipe()
    if isStopped { try stop.write([0]) }
    let wait = Wait(orStoppedBy: stop.reader.borrowed)
    var loop = SendLoop(binding: 1, chunkSize: nil, timeout: timeout)
    var source = CountedSource(left: count, piece: piece)
    var memory = try FileMemory(byteCount: 8)
    var failure: Failure?
    do throws(Failure) {
      try loop.run(from: &source, through: &memory, to: destination, wait)
      try loop.finish(to: destination, wait)
    } catch {
      failure = error
    }
    return Run(failure: failure, statistics: loop.statistics)
  }

  @Test("slots take turns, and all that was sent is waited for")
  func usesSlotsInTurn() throws {
    let destination = try ScriptedDestination(completesAtOnce: true)
    let run = try run(18, to: destination)
    #expect(run.failure == nil)
    #expect(destination.sends.map(\.offset) == [0, 4, 0, 4, 0])
    #expect(destination.sends.map(\.count) == [4, 4, 4, 4, 2])
    #expect(run.statistics.bytes == 18)
    #expect(run.statistics.completions == 5)
  }

  @Test("a slot is not filled again before all its sends are complete")
  func waitsForSlot() throws {
    let destination = try ScriptedDestination(
      [.take(1), .take(3), .take(4)],
      notices: [.complete(first: 0, last: 0, copied: false), .other])
    let run = try run(12, to: destination, timeout: .zero)
    #expect(run.failure?.errno == .timedOut)
    #expect(run.failure?.reason?.contains("2 sends from number 1 on") == true)
    #expect(destination.sends.map(\.offset) == [0, 1, 4])
  }

  @Test("a partial send is resumed where it stopped, a full socket waited for")
  func resumes() throws {
    let destination = try ScriptedDestination(
      [.take(3), .error(.tryAgain), .take(1), .take(2)], completesAtOnce: true)
    let run = try run(6, to: destination)
    #expect(run.failure == nil)
    #expect(destination.sends.map(\.offset) == [0, 3, 4])
    #expect(run.statistics.sends == 3)
  }

  @Test("a socket that never has the room that it reports does not hold a run for ever")
  func neverHasRoom() throws {
    let destination = try ScriptedDestination(
      Array(repeating: .error(.tryAgain), count: 10_000))
    #expect(try run(6, to: destination).failure?.errno == .tryAgain)
  }

  @Test("too many outstanding sends are waited for, too little room for one is an error")
  func backsOff() throws {
    let crowded = try ScriptedDestination(
      [.take(4), .error(.noBuffers), .take(4)], completesAtOnce: true)
    let run = try run(8, to: crowded)
    #expect(run.failure == nil)
    #expect(run.statistics.backoffs == 1)

    let hopeless = try ScriptedDestination([.error(.noBuffers)])
    #expect(try self.run(8, to: hopeless).failure?.errno == .noBuffers)
  }

  @Test(
    "an error of sendmsg ends the run",
    arguments: [Errno.noDevice, .invalidArgument, .badAddress, Errno(EPIPE), .connectionReset])
  func failsWithErrno(errno: Errno) throws {
    #expect(
      try run(8, to: try ScriptedDestination([.take(4), .error(errno)])).failure?.errno == errno)
  }

  @Test("a connection that breaks while completions are waited for ends the run")
  func noticesBreak() throws {
    let destination = try ScriptedDestination(pendingError: .connectionReset)
    #expect(try run(4, to: destination).failure?.errno == .connectionReset)
  }

  @Test("completions alone are no success: an error behind the last one fails the run")
  func looksForError() throws {
    let destination = try ScriptedDestination(pendingError: .connectionReset, completesAtOnce: true)
    destination.acknowledgements = [Acknowledgement(bytes: 3)]
    let failure = try run(4, to: destination).failure
    #expect(failure?.errno == .connectionReset)
    #expect(failure?.reason == "3 of 4 bytes were acknowledged; outstanding: none")
    #expect(failure?.hint?.contains("before it had read all") == true)
    // Also if all was acknowledged: it was not read.
    let whole = try ScriptedDestination(pendingError: .connectionReset, completesAtOnce: true)
    #expect(
      try run(4, to: whole).failure?.reason == "4 of 4 bytes were acknowledged; outstanding: none")
  }

  @Test("the acknowledgement of every byte and of the end is waited for")
  func waitsForAcknowledgement() throws {
    let destination = try ScriptedDestination(completesAtOnce: true)
    destination.acknowledgements = [
      Acknowledgement(bytes: 0), Acknowledgement(bytes: 3), Acknowledgement(bytes: 4),
      Acknowledgement(bytes: 4, andEnd: true),
    ]
    #expect(try run(4, to: destination).failure == nil)
    #expect(destination.hasEnded)
    #expect(destination.acknowledgements.count == 1)
  }

  @Test(
    "what is not acknowledged in time fails the run, be it only the end",
    arguments: [0, 3, 4])
  func givesUpOnAcknowledgement(bytes: Int) throws {
    let destination = try ScriptedDestination(completesAtOnce: true)
    destination.acknowledgements = [Acknowledgement(bytes: bytes)]
    let start = Instant.now
    let failure = try run(4, to: destination, timeout: .milliseconds(50)).failure
    #expect(failure?.errno == .timedOut)
    #expect(
      failure?.reason == "\(bytes) of 4 bytes were acknowledged; outstanding: none")
    #expect(Instant.now.since(start) >= .milliseconds(50))
  }

  @Test("a stream that cannot be ended fails with the connection's error, or else the call's")
  func cannotEnd() throws {
    let notConnected = Errno(ENOTCONN)
    for error in [nil, Errno.connectionReset] {
      let destination = try ScriptedDestination(pendingError: error, completesAtOnce: true)
      destination.endError = notConnected
      #expect(try run(4, to: destination).failure?.errno == error ?? notConnected)
    }
  }

  @Test("a peer that acknowledges nothing times out")
  func givesUp() throws {
    let silent = try ScriptedDestination(isReady: false)
    let run = try run(4, to: silent, timeout: .zero)
    #expect(run.failure?.errno == .timedOut)
    #expect(run.failure?.reason?.contains("1 sends from number 0 on") == true)
  }

  @Test("a stop signal ends a run that never waits")
  func stops() throws {
    let destination = try ScriptedDestination(completesAtOnce: true)
    #expect(try run(18, to: destination, isStopped: true).failure?.kind == .stopped)
    #expect(destination.sends.isEmpty)
  }

  @Test("a source that fails has its failure reported, and the access to the memory ended")
  func endsAccess() throws {
    var loop = SendLoop(binding: 1, chunkSize: nil, timeout: nil)
    var source = CountedSource(left: 8, piece: 4, failure: Failure("read", errno: .badAddress))
    var memory = try FileMemory(byteCount: 8)
    let destination = try ScriptedDestination()
    let failure = failing { () throws(Failure) in
      try loop.run(from: &source, through: &memory, to: destination, Wait())
    }
    #expect(failure?.errno == .badAddress)
  }

  @Test("copied sends are counted, notices of sends that were not made refused")
  func readsNotices() throws {
    let copied = try ScriptedDestination(notices: [.complete(first: 0, last: 1, copied: true)])
    // The notice waits until both sends are made: nothing asks before.
    #expect(try run(8, to: copied).statistics.copied == 2)
    let invented = try ScriptedDestination(notices: [.complete(first: 7, last: 9, copied: false)])
    #expect(try run(8, to: invented).failure?.reason?.contains("7 to 9") == true)
  }
}
