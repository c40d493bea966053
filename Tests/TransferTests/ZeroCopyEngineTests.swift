// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Sockets
import TestSupport
import Testing
import Transfer
import Uring

struct ZeroCopyEngineTests {
  private typealias Engine = ZeroCopyEngine<ScriptedRing, PlainMemory>

  private struct Run {
    var failure: Failure?
    var bytes: [UInt8]
    var statistics: ReceiveStatistics
  }

  private static let memory = [UInt8](0...255)

  /// Receives stream 5 of a ring whose area are the bytes from 64 on.
  private func run(
    _ ring: ScriptedRing, requesting count: Int? = nil, failsOnLinear: Bool = false,
    pieces: Int = .max
  ) throws -> Run {
    let pipe = try Pipe()
    let connection = Connection(owning: try OwnedDescriptor.duplicate(of: pipe.reader.borrowed))
    var shared = ZeroCopyShared(ring, in: PlainMemory(Self.memory), at: 64..<256)
    var loop = ReceiveLoop(
      by: Engine(as: 5, requesting: count, failsOnLinear: failsOnLinear),
      into: Intake(into: CollectingSink(failingAfter: pieces)), memorySize: 192,
      waitsForBatches: false, silence: Silence(upTo: .seconds(10)))
    let failure = failing { () throws(Failure) in
      try loop.run(from: connection, with: &shared, Wait())
    }
    return Run(failure: failure, bytes: loop.intake.sink.bytes, statistics: loop.statistics)
  }

  @Test("pieces are handed on in order, from the ring's area, and given back")
  func handsOn() throws {
    let ring = try ScriptedRing([
      [.piece(0, 2), .piece(100, 3)], [], [.piece(7, 1), .end()],
    ])
    let run = try run(ring)
    #expect(run.failure == nil)
    #expect(run.bytes == [64, 65, 164, 165, 166, 71])
    #expect(ring.given == [0, 100, 7])
    #expect(ring.requests == [[5, 0]])
    #expect(run.statistics.deviceBytes == 6)
    #expect(run.statistics.fragments == 3)
    #expect(run.statistics.tokensReturned == 3)
    #expect(run.statistics.receiveCalls == 2)
  }

  @Test("what belongs to another stream of the ring stays for that")
  func leavesOthers() throws {
    let ring = try ScriptedRing([[.piece(0, 1), .piece(1, 1, of: 6), .piece(2, 1), .end()]])
    let pipe = try Pipe()
    let connection = Connection(owning: try OwnedDescriptor.duplicate(of: pipe.reader.borrowed))
    var shared = ZeroCopyShared(ring, in: PlainMemory(Self.memory), at: 64..<256)
    func loop(_ number: Int) -> ReceiveLoop<Engine, CollectingSink> {
      ReceiveLoop(
        by: Engine(as: number), into: Intake(into: CollectingSink()), memorySize: 192,
        waitsForBatches: false)
    }
    var five = loop(5)
    var six = loop(6)
    let progress = [
      try five.step(from: connection, with: &shared),
      try five.step(from: connection, with: &shared),
      try six.step(from: connection, with: &shared), try six.step(from: connection, with: &shared),
      try five.step(from: connection, with: &shared),
      try five.step(from: connection, with: &shared),
    ]
    #expect(progress == [.more, .nothing, .more, .nothing, .more, .endOfStream])
    let bytes = [five.intake.sink.bytes, six.intake.sink.bytes]
    #expect(bytes == [[64, 66], [65]])
    #expect(ring.requests == [[5, 0], [6, 0]])
  }

  @Test(
    "a stream is asked for again where the kernel had no room",
    arguments: [
      Errno.noSpace, .noBuffers, .interrupted,
    ])
  func asksAgain(errno: Errno) throws {
    let ring = try ScriptedRing([[.piece(0, 1), .end(errno)], [.piece(1, 1), .end()]])
    let run = try run(ring)
    #expect(run.failure == nil)
    #expect(run.bytes == [64, 65])
    #expect(ring.requests == [[5, 0], [5, 0]])
    #expect(ring.flushes == 0)
  }

  @Test("where no buffer is free to copy into, the kernel is to take what was given back")
  func makesRoom() throws {
    let ring = try ScriptedRing([[.end(.outOfMemory)], [.piece(0, 1), .end()]])
    let run = try run(ring)
    #expect(run.failure == nil)
    #expect(run.bytes == [64])
    #expect(ring.flushes == 1)
  }

  @Test("what never helps is not tried for ever")
  func givesUp() throws {
    let ring = try ScriptedRing([[Completion]](repeating: [.end(.outOfMemory)], count: 1000))
    let run = try run(ring)
    #expect(run.failure?.errno == .outOfMemory)
    #expect(run.failure?.hint?.contains("--memory host") == true)
    #expect(ring.flushes < 1000)
  }

  @Test("payload of another ring's queue ends the stream, with what to look at")
  func refusesOthersMemory() throws {
    let run = try run(try ScriptedRing([[.end(.badAddress)]]))
    #expect(run.failure?.errno == .badAddress)
    #expect(run.failure?.hint?.contains("flow rules") == true)
  }

  @Test(
    "a piece that is not within the area is not read",
    arguments: [
      (192, 1), (191, 2), (Int(Int32.max) << 12, 1),
    ] as [(Int, Int32)])
  func refusesPlace(offset: Int, size: Int32) throws {
    let run = try run(try ScriptedRing([[.piece(0, 1), .piece(offset, size)]]))
    #expect(run.failure?.reason?.contains("not within the area") == true)
    #expect(run.bytes == [64])
  }

  @Test("what the kernel copied counts as plain, and fails with -L")
  func countsCopies() throws {
    let arrivals: [[Completion]] = [[.piece(0, 4)], [.piece(4, 6), .end()]]
    let ring = try ScriptedRing(arrivals)
    ring.copies = [2: 5]
    let run = try run(ring)
    #expect(run.failure == nil)
    #expect(run.statistics.deviceBytes == 5)
    #expect(run.statistics.plainBytes == 5)
    let strict = try ScriptedRing(arrivals)
    strict.copies = [2: 5]
    #expect(try self.run(strict, failsOnLinear: true).failure?.reason?.contains("-L") == true)
  }

  @Test("a request for so many bytes is made again when they have come")
  func requestsByCount() throws {
    let ring = try ScriptedRing([
      [.piece(0, 3), .piece(3, 1), .end()], [.piece(4, 4), .end()], [.piece(8, 1), .end()],
    ])
    let run = try run(ring, requesting: 4)
    #expect(run.failure == nil)
    #expect(run.bytes == [UInt8](64...72))
    #expect(ring.requests == [[5, 4], [5, 4], [5, 4]])
  }

  @Test("a failure to take the payload ends the run")
  func failsWithSink() throws {
    let run = try run(try ScriptedRing([[.piece(0, 1), .piece(1, 1)]]), pieces: 1)
    #expect(run.failure?.errno == .noSpace)
  }
}
