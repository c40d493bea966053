// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Sockets
import TestSupport
import Testing
import Transfer

/// A stream whose reads end as written down beforehand. Its bytes count up from 0.
private final class ScriptedSource: PayloadSource {
  private var steps: ArraySlice<(Reading, SendNotice?)>
  private let destination: ScriptedDestination
  private var next: UInt8 = 0
  /// Of each read, whether it could be interrupted.
  private(set) var interruptions: [Bool] = []

  /// - Parameter steps: What each read ends with, and the notice that then waits.
  init(_ steps: [(Reading, SendNotice?)], before destination: ScriptedDestination) {
    self.steps = steps[...]
    self.destination = destination
  }

  func read(
    into buffer: inout MutableRawSpan, orUntil interruption: Interruption?
  ) throws(Failure) -> Reading {
    interruptions.append(interruption != nil)
    guard let (reading, notice) = steps.popFirst() else { return .end }
    if let notice { destination.notices.append(notice) }
    guard case .bytes(let count) = reading else { return reading }
    for offset in 0..<count {
      buffer.storeBytes(of: next, toByteOffset: offset, as: UInt8.self)
      next &+= 1
    }
    return reading
  }
}

struct GatheringTests {
  private let destination: ScriptedDestination

  init() throws { destination = try ScriptedDestination() }

  /// Runs over scripted reads, through a memory of four slots.
  ///
  /// - Returns: How the run failed, if it did; of each read, whether it could be interrupted; and
  ///   the bytes sent, unless the memory has been written twice.
  @discardableResult
  private func run(
    _ steps: [(Reading, SendNotice?)]
  ) throws -> (failure: Failure?, interruptions: [Bool], payload: [UInt8]) {
    var source = ScriptedSource(steps, before: destination)
    var loop = SendLoop(binding: 1, chunkSize: nil, timeout: .seconds(10))
    var memory = try FileMemory(byteCount: 1 << 20)
    let failure = failing { () throws(Failure) in
      try loop.run(from: &source, through: &memory, to: destination, Wait())
    }
    var payload: [UInt8] = []
    for send in destination.sends {
      let bytes = memory.mutableBytes(in: send.offset..<send.offset + send.count)
      for offset in 0..<send.count {
        payload.append(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      }
    }
    return (failure, source.interruptions, payload)
  }

  @Test("what comes while a send is in flight is gathered, and goes out when that is complete")
  func gathers() throws {
    let line = (Reading.bytes(12), SendNotice?.none)
    let run = try run([
      line, line, line, line, (.interrupted, .complete(first: 0, last: 0, copied: false)), line,
      (.interrupted, .complete(first: 1, last: 1, copied: false)),
    ])
    #expect(run.failure == nil)
    #expect(destination.sends.map(\.count) == [12, 36, 12])
    // Each piece begins at a page.
    #expect(destination.sends.map(\.offset) == [0, pageSize, 2 * pageSize])
    #expect(run.payload == Array(0..<60))
    // The first bytes of a piece are waited for whatever the socket has.
    #expect(run.interruptions == [false, false, true, true, true, false, true, false])
  }

  @Test("with nothing in flight, nothing is held")
  func holdsNothing() throws {
    destination.completesAtOnce = true
    let read = (Reading.bytes(1), SendNotice?.none)
    try run([read, read, (.interrupted, nil), read, (.interrupted, nil)])
    #expect(destination.sends.map(\.count) == [1, 1, 1])
  }

  @Test("no more than 16 KiB is held, however long a send is in flight")
  func isBounded() throws {
    let read = (Reading.bytes(100), SendNotice?.none)
    let run = try run(Array(repeating: read, count: 1001))
    #expect(run.failure == nil)
    let counts = destination.sends.map(\.count)
    // The rest at the end is held no longer, either.
    #expect(counts == [100] + Array(repeating: 16400, count: 6) + [1600])
    #expect(run.payload == (0..<100_100).map { UInt8(truncatingIfNeeded: $0) })
  }

  @Test("a slot ends where a piece might not fit, so that no small one fills it up")
  func endsSlot() throws {
    let large = (Reading.bytes((256 << 10) - 100), SendNotice?.none)
    try run([large, (.bytes(50_000), nil)])
    #expect(destination.sends.map(\.offset) == [0, 256 << 10])
    #expect(destination.sends.map(\.count) == [(256 << 10) - 100, 50_000])
  }

  @Test("a peer that acknowledges nothing fails the run while payload is gathered")
  func givesUp() throws {
    let failure = try run([(.bytes(1), nil), (.bytes(1), nil), (.late, nil)]).failure
    #expect(failure?.errno == .timedOut)
    #expect(destination.sends.map(\.count) == [1])
  }

  @Test("a connection that breaks while payload is gathered fails the run with its error")
  func noticesBreak() throws {
    destination.pendingError = .connectionReset
    let failure = try run([(.bytes(1), nil), (.bytes(1), nil), (.interrupted, nil)]).failure
    #expect(failure?.errno == .connectionReset)
  }

  @Test("a socket that reports nothing that can be read is sent to, which shows what ails it")
  func sendsToBroken() throws {
    try run([(.bytes(1), nil), (.bytes(1), nil), (.interrupted, nil)])
    #expect(destination.sends.map(\.count) == [1, 1])
  }
}
