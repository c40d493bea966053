// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Sockets
import TestSupport
import Testing
import Transfer

struct ReceiveLoopTests {
  private typealias Loop = ReceiveLoop<
    DevmemEngine<ScriptedConnection, PlainMemory>, CollectingSink
  >

  /// The result of a run over scripted calls.
  private struct Run {
    var end: ReceiveEnd?
    var failure: Failure?
    var bytes: [UInt8]
    var statistics: ReceiveStatistics
  }

  private static let memory = [UInt8](0...255)

  private func run(
    _ connection: ScriptedConnection, failsOnLinear: Bool = false, timeout: Duration? = nil,
    beginError: Errno? = nil, endError: Errno? = nil, pieces: Int = .max, stopped: Bool = false,
    trace: Intake<CollectingSink>.Trace? = nil
  ) throws -> Run {
    let stop = try Pipe()
    if stopped { try stop.write([1]) }
    var shared = DevmemShared(
      PlainMemory(Self.memory, beginError: beginError, endError: endError))
    var loop = Loop(
      by: DevmemEngine(through: 7, failsOnLinear: failsOnLinear),
      into: Intake(into: CollectingSink(failingAfter: pieces), trace: trace),
      memorySize: Self.memory.count, silence: Silence(upTo: timeout))
    var end: ReceiveEnd?
    let failure = failing { () throws(Failure) in
      end = try loop.run(
        from: connection, with: &shared, Wait(orStoppedBy: stop.reader.borrowed))
    }
    return Run(
      end: end, failure: failure, bytes: loop.intake.sink.bytes, statistics: loop.statistics)
  }

  private func fragments(_ list: [(offset: UInt64, size: UInt32, token: UInt32)]) -> [UInt8] {
    var messages = ControlMessageBytes()
    for (offset, size, token) in list {
      messages.addFragment(offset: offset, size: size, token: token)
    }
    return messages.bytes
  }

  @Test("fragments, linear and plain bytes make one stream, each kind counted")
  func joinsKinds() throws {
    var mixed = ControlMessageBytes()
    mixed.addLinear(size: 2)
    mixed.addFragment(offset: 10, size: 3, token: 1)
    mixed.addOther()
    mixed.addLinear(size: 1)
    mixed.addFragment(offset: 255, size: 1, token: 2)
    let connection = try ScriptedConnection([
      .payload(returns: 7, plain: [201, 202, 203], control: mixed.bytes),
      .payload(returns: 2, plain: [91, 92]),
      .end,
    ])
    let run = try run(connection)
    #expect(run.end == .endOfStream)
    #expect(run.bytes == [201, 202, 10, 11, 12, 203, 255, 91, 92])
    #expect(run.statistics.deviceBytes == 4)
    #expect(run.statistics.linearBytes == 3)
    #expect(run.statistics.plainBytes == 2)
    #expect(run.statistics.fragments == 2)
    #expect(run.statistics.receiveCalls == 2)
    #expect(run.statistics.tokensReturned == 2)
    #expect(connection.returns == [[[1, 2]]])
  }

  @Test("a fragment is taken from a longer message, too")
  func takesLongMessages() throws {
    var messages = ControlMessageBytes()
    messages.addLongFragment(offset: 10, size: 3, token: 1)
    messages.addFragment(offset: 20, size: 1, token: 2)
    let connection = try ScriptedConnection([.payload(returns: 4, control: messages.bytes), .end])
    let run = try run(connection)
    #expect(run.end == .endOfStream)
    #expect(run.bytes == [10, 11, 12, 20])
    #expect(connection.returns == [[[1, 2]]])
  }

  @Test("a trace sees each fragment with the stream's length, up to what is refused")
  func traces() throws {
    var mixed = ControlMessageBytes()
    mixed.addLinear(size: 2)
    mixed.addFragment(offset: 10, size: 3, token: 1)
    mixed.addFragment(offset: 20, size: 1, token: 2)
    let last = fragments([(30, 5, 3), (300, 1, 4), (40, 1, 5)])
    let connection = try ScriptedConnection([
      .payload(returns: 6, plain: [201, 202], control: mixed.bytes),
      .payload(returns: 7, control: last), .end,
    ])
    var seen: [[Int]] = []
    let run = try run(connection, trace: { seen.append([Int($0.token), $1]) })
    #expect(seen == [[1, 5], [2, 6], [3, 11]])
    #expect(run.failure?.reason?.contains("not within the dma-buf") == true)
  }

  @Test("tokens are returned before the loop waits")
  func returnsBeforeWaiting() throws {
    let connection = try ScriptedConnection([
      .payload(returns: 1, control: fragments([(0, 1, 5)])), .error(.tryAgain),
      .payload(returns: 1, control: fragments([(1, 1, 5)])), .end,
    ])
    let run = try run(connection)
    #expect(run.bytes == [0, 1])
    #expect(connection.returns == [[[5, 1]], [[5, 1]]])
  }

  @Test("tokens are returned when a batch is full")
  func returnsFullBatches() throws {
    let many = fragments((0..<1000).map { (UInt64($0 % 256), 1, UInt32($0) * 2) })
    let connection = try ScriptedConnection([
      .payload(returns: 1000, control: many), .payload(returns: 1000, control: many), .end,
    ])
    let run = try run(connection)
    #expect(run.statistics.tokensReturned == 2000)
    #expect(run.statistics.returnCalls == 16)
    #expect(connection.returns.allSatisfy { $0.count <= 128 })
  }

  @Test(
    "an error of recvmsg ends the run, and its tokens are still returned",
    arguments: [
      Errno.noDevice, .badAddress, .connectionReset, .outOfMemory, .badDescriptor, .timedOut,
    ])
  func failsWithErrno(errno: Errno) throws {
    let connection = try ScriptedConnection(
      [.payload(returns: 1, control: fragments([(0, 1, 9)]))]
        + [ScriptedConnection.Step](repeating: .error(errno), count: 20))
    let run = try run(connection)
    #expect(run.failure?.errno == errno)
    #expect(connection.returns == [[[9, 1]]])
  }

  @Test("memory that the kernel lacks for a while is waited for")
  func outlivesShortMemory() throws {
    let connection = try ScriptedConnection([
      .error(.outOfMemory), .error(.outOfMemory),
      .payload(returns: 1, control: fragments([(3, 1, 1)])), .end,
    ])
    #expect(try run(connection).bytes == [3])
  }

  @Test("a control buffer that is too small grows, up to its limit")
  func growsControl() throws {
    let grown = try ScriptedConnection([
      .error(.tooSmall), .payload(returns: 1, control: fragments([(3, 1, 1)])), .end,
    ])
    #expect(try run(grown).bytes == [3])

    let hopeless = try ScriptedConnection(Array(repeating: .error(.tooSmall), count: 20))
    #expect(try run(hopeless).failure?.errno == .tooSmall)
  }

  @Test("a fragment of another binding, or outside the memory, is refused, its token returned")
  func refusesForeignFragments() throws {
    var foreign = ControlMessageBytes()
    foreign.addFragment(offset: 0, size: 1, token: 4, binding: 8)
    foreign.addFragment(offset: 0, size: 1, token: 6, binding: 8)
    for (control, reason) in [
      (foreign.bytes, "through binding 8, not 7"),
      (fragments([(250, 7, 4), (0, 1, 6)]), "not within the dma-buf"),
      (fragments([(.max, 1, 4), (0, 1, 6)]), "not within the dma-buf"),
    ] {
      let connection = try ScriptedConnection([.payload(returns: 2, control: control), .end])
      let run = try run(connection)
      #expect(run.failure?.reason?.contains(reason) == true)
      #expect(run.bytes.isEmpty)
      #expect(connection.returns == [[[4, 1], [6, 1]]])
    }
  }

  @Test("messages that do not add up, are malformed or were cut are refused")
  func refusesInconsistency() throws {
    let one = fragments([(0, 1, 1)])
    let steps: [(ScriptedConnection.Step, reason: String)] = [
      (.payload(returns: 2, control: one), "returned 2 bytes, its control messages describe 1"),
      (.payload(returns: 1, control: one.dropLast(8) + []), "malformed"),
      (.payload(returns: 1, control: one, truncated: true), "MSG_CTRUNC"),
    ]
    for (step, reason) in steps {
      let failure = try run(try ScriptedConnection([step, .end])).failure
      #expect(failure?.operation == "receive")
      #expect(failure?.reason?.contains(reason) == true)
    }
  }

  @Test("linear bytes fail the run that forbids them")
  func failsOnLinear() throws {
    var messages = ControlMessageBytes()
    messages.addLinear(size: 3)
    let steps: [ScriptedConnection.Step] = [
      .payload(returns: 3, plain: [1, 2, 3], control: messages.bytes), .end,
    ]
    #expect(try run(try ScriptedConnection(steps)).failure == nil)
    let refused = try run(try ScriptedConnection(steps), failsOnLinear: true)
    #expect(refused.failure?.reason?.contains("-L") == true)
  }

  @Test("plain bytes fail the run that forbids linear ones, and are counted")
  func failsOnPlain() throws {
    let steps: [ScriptedConnection.Step] = [
      .payload(returns: 1, control: fragments([(4, 1, 9)])), .payload(returns: 2, plain: [1, 2]),
      .end,
    ]
    #expect(try run(try ScriptedConnection(steps)).failure == nil)
    let connection = try ScriptedConnection(steps)
    let refused = try run(connection, failsOnLinear: true)
    #expect(refused.failure?.reason?.contains("2 payload bytes came in plain frames (-L") == true)
    #expect(refused.statistics.plainBytes == 2)
    #expect(refused.bytes == [4])
    #expect(connection.returns == [[[9, 1]]])
  }

  @Test("control messages that were cut leave no token behind")
  func returnsTokensOfTruncated() throws {
    let connection = try ScriptedConnection([
      .payload(returns: 2, control: fragments([(0, 1, 4), (1, 1, 6)]), truncated: true), .end,
    ])
    let run = try run(connection)
    #expect(run.failure?.reason?.contains("MSG_CTRUNC") == true)
    #expect(connection.returns == [[[4, 1], [6, 1]]])
  }

  @Test("a kernel that frees fewer fragments than were returned fails the run")
  func noticesLostTokens() throws {
    for result in [Result<Int, Errno>.success(0), .failure(.badDescriptor)] {
      let connection = try ScriptedConnection(
        [.payload(returns: 1, control: fragments([(0, 1, 1)])), .end], returnResults: [result])
      #expect(try run(connection).failure?.operation.contains("SO_DEVMEM_DONTNEED") == true)
    }
  }

  @Test("a short count names the tokens and fragments of its batch, and none is returned twice")
  func narrowsShortCount() throws {
    let steps: [ScriptedConnection.Step] = [
      .payload(returns: 2, control: fragments([(0, 1, 5), (1, 1, 9)])), .error(.tryAgain),
      .payload(returns: 4, control: fragments([(2, 1, 5), (3, 1, 6), (4, 1, 9), (5, 1, 6)])), .end,
    ]
    let connection = try ScriptedConnection(steps, returnResults: [.success(2), .success(3)])
    let run = try run(connection)
    #expect(
      run.failure?.reason
        == "the kernel freed 3 of 4, tokens 5 to 6, 9, 6 (of fragments 2 to 5); token 6 is among "
        + "them twice")
    #expect(run.statistics.tokensReturned == 5)
    #expect(connection.returns == [[[5, 1], [9, 1]], [[5, 2], [9, 1], [6, 1]]])
  }

  @Test("where a token is a page, a short count names its offset")
  func narrowsToOffset() throws {
    let connection = try ScriptedConnection(
      [.payload(returns: 1, control: fragments([(0, 1, 3)])), .end], returnResults: [.success(0)])
    var loop = Loop(
      by: DevmemEngine(through: 7, tokensArePages: true), into: Intake(into: CollectingSink()),
      memorySize: Self.memory.count)
    var shared = DevmemShared(PlainMemory(Self.memory))
    let failure = failing { () throws(Failure) in
      _ = try loop.run(from: connection, with: &shared, Wait())
    }
    #expect(
      failure?.reason
        == "the kernel freed 0 of 1, tokens 3 (offset \(3 * pageSize)) (of fragments 0 to 0)")
  }

  @Test("tokens that go on at 0 behind the largest one are two ranges")
  func endsRangeAtLargestToken() throws {
    let connection = try ScriptedConnection(
      [.payload(returns: 2, control: fragments([(0, 1, .max), (1, 1, 0)])), .end],
      returnResults: [.success(1)])
    #expect(
      try run(connection).failure?.reason
        == "the kernel freed 1 of 2, tokens 4294967295, 0 (of fragments 0 to 1)")
  }

  @Test("a batch that is refused as a whole is returned range by range, and the refused are named")
  func returnsRefusedSingly() throws {
    let connection = try ScriptedConnection(
      [
        .payload(returns: 4, control: fragments([(0, 1, 1), (1, 1, 2), (2, 1, 5), (3, 1, 9)])),
        .end,
      ],
      returnResults: [.failure(.outOfMemory), .success(2), .failure(.invalidArgument), .success(1)])
    let run = try run(connection)
    #expect(run.failure?.errno == .invalidArgument)
    #expect(
      run.failure?.reason
        == "returned one by one, 3 of 4 were freed: not tokens 5 (of fragments 0 to 3)")
    #expect(run.statistics.tokensReturned == 3)
    #expect(run.statistics.returnCalls == 2)
    #expect(connection.returns.dropFirst() == [[[1, 2]], [[5, 1]], [[9, 1]]])
  }

  @Test("a memory that cannot be read fails the run, its tokens returned")
  func failsOnMemory() throws {
    let steps: [ScriptedConnection.Step] = [
      .payload(returns: 1, control: fragments([(0, 1, 1)])), .end,
    ]
    let unreadable = try ScriptedConnection(steps)
    #expect(try run(unreadable, beginError: .badDescriptor).failure?.errno == .badDescriptor)
    #expect(unreadable.returns == [[[1, 1]]])
    let unending = try ScriptedConnection(steps)
    #expect(try run(unending, endError: .outOfRange).failure?.errno == .outOfRange)
    #expect(unending.returns == [[[1, 1]]])
  }

  @Test("the first failure is reported, whatever fails after it")
  func keepsFirstFailure() throws {
    let many = fragments((0..<200).map { (UInt64($0), 1, UInt32($0) * 2) })
    let connection = try ScriptedConnection(
      [.payload(returns: 200, control: many), .end],
      returnResults: [.failure(.badDescriptor), .success(0)])
    let run = try run(connection, endError: .outOfRange, pieces: 3)
    #expect(run.failure?.errno == .noSpace)
    #expect(run.bytes == [0, 1, 2])
    // Those that were refused as a whole are returned one by one.
    #expect(connection.returns.flatMap(\.self).count == 200 + 128)
  }

  @Test("a stream that runs is waited for in batches, one that trickles byte by byte")
  func setsThresholds() throws {
    var large = ControlMessageBytes()
    for _ in 0..<1000 { large.addFragment(offset: 0, size: 256, token: 1) }
    let small = fragments([(0, 1, 1)])
    let connection = try ScriptedConnection([
      .payload(returns: 256_000, control: large.bytes), .error(.tryAgain),
      .payload(returns: 1, control: small), .error(.tryAgain),
      .payload(returns: 1, control: small), .end,
    ])
    var shared = DevmemShared(PlainMemory(Self.memory))
    var loop = Loop(
      by: DevmemEngine(through: 7), into: Intake(into: CollectingSink()), memorySize: 1 << 20)
    _ = try loop.run(from: connection, with: &shared, Wait())
    #expect(connection.thresholds == [1 << 16, 1])
    #expect(connection.isExhausted)
  }

  @Test("a silent connection fails after its time, a stop signal ends the wait at once")
  func endsWaits() throws {
    let silent = try ScriptedConnection([.error(.tryAgain)], readable: false)
    #expect(try run(silent, timeout: .zero).failure?.errno == .timedOut)
    let stopped = try ScriptedConnection([.error(.tryAgain)], readable: false)
    #expect(try run(stopped, stopped: true).failure?.kind == .stopped)
  }

  @Test("a connection that never has the data that it reports does not hold a run for ever")
  func neverHasData() throws {
    let connection = try ScriptedConnection(Array(repeating: .error(.tryAgain), count: 10_000))
    #expect(try run(connection).failure?.errno == .tryAgain)
  }

  @Test("a stop signal ends a run whose data never pauses")
  func stopsUnderLoad() throws {
    let step = ScriptedConnection.Step.payload(returns: 1, control: fragments([(0, 1, 1)]))
    let connection = try ScriptedConnection(Array(repeating: step, count: 200))
    let run = try run(connection, stopped: true)
    #expect(run.failure?.kind == .stopped)
    #expect(run.statistics.receiveCalls < 200)
    #expect(run.statistics.tokensReturned == run.statistics.fragments)
  }

  @Test("a stop signal ends a traced run after the call whose fragments it prints")
  func stopsTrace() throws {
    let step = ScriptedConnection.Step.payload(returns: 1, control: fragments([(0, 1, 1)]))
    let connection = try ScriptedConnection(Array(repeating: step, count: 200))
    let run = try run(connection, stopped: true, trace: { _, _ in })
    #expect(run.failure?.kind == .stopped)
    #expect(run.statistics.receiveCalls == 1)
  }

  @Test("a loop that pauses has returned its tokens, and goes on where it stopped")
  func pauses() throws {
    let connection = try ScriptedConnection([
      .payload(returns: 1, control: fragments([(4, 1, 1)])),
      .payload(returns: 1, control: fragments([(5, 1, 1)])), .end,
    ])
    var loop = Loop(
      by: DevmemEngine(through: 7), into: Intake(into: CollectingSink()),
      memorySize: Self.memory.count)
    var shared = DevmemShared(PlainMemory(Self.memory))
    let first = try loop.run(from: connection, with: &shared, Wait(), pausing: true)
    #expect(first == .paused)
    #expect(connection.returns == [[[1, 1]]])
    let second = try loop.run(from: connection, with: &shared, Wait())
    #expect(second == .endOfStream)
    let bytes = loop.intake.sink.bytes
    #expect(bytes == [4, 5])
  }
}
