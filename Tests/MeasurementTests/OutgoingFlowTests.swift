// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Measurement
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

struct OutgoingFlowTests {
  private let loopback: Loopback

  init() throws { loopback = try Loopback() }

  /// A flow from host memory to a connection of `loopback` that is still to be taken.
  private func flow(
    bytes: Int? = nil, for duration: Duration? = nil, bitsPerSecond: Int? = nil, period: Int = 7,
    timeout: Duration? = .seconds(10), copying: Bool = true
  ) throws -> OutgoingFlow {
    var load = Load()
    load.bytesPerFlow = bytes
    load.bitsPerSecond = bitsPerSecond
    load.pattern = try #require(Pattern(period: period))
    load.usesHostMemory = true
    return try OutgoingFlow(
      3, over: try Loopback.connect(to: loopback.address),
      by: SendLoop(binding: 0, chunkSize: nil, timeout: timeout, named: "flow 3"),
      from: try PatternMemory(load.pattern), load, copying: copying,
      for: duration, on: nil)
  }

  /// Sends all of a flow on a thread of its own.
  ///
  /// - Returns: What arrived.
  private func send(_ flow: OutgoingFlow) throws -> [UInt8] {
    let connection = try loopback.accept()
    let work = try BackgroundWork { () throws(Failure) in try flow.work(Wait()) }
    let bytes = try connection.receiveAll()
    try work.result().get()
    return bytes
  }

  private func isPattern(_ bytes: [UInt8], period: Int = 7) throws -> Bool {
    var validator = Validator(try #require(Pattern(period: period)))
    return unsafe validator.check(bytes.span.bytes) == 0
  }

  @Test(
    "as many bytes arrive as were asked for, and they are the pattern",
    arguments: [(1, 7), (600_001, 7), (262_144, 256), (1_000_000, 2)])
  func sends(count: Int, period: Int) throws {
    let flow = try flow(bytes: count, period: period)
    let bytes = try send(flow)
    #expect(bytes.count == count)
    #expect(try isPattern(bytes, period: period))
    #expect(flow.figures.plainBytes == count)
    #expect(flow.figures.bytes == count)
    #expect(flow.counters.figures == flow.figures)
  }

  @Test("all sends from host memory are complete, and copied")
  func completes() throws {
    let flow = try flow(bytes: 600_000)
    _ = try send(flow)
    #expect(flow.statistics.sends > 1)
    #expect(flow.statistics.completions == flow.statistics.sends)
    #expect(flow.statistics.copied == flow.statistics.sends)
    let description = try flow.description()
    #expect(description.index == 3)
    #expect(description.figures == flow.figures)
    guard case .sent(let port, let statistics) = description.detail else {
      Issue.record("not sent")
      return
    }
    #expect(port == flow.port)
    #expect(statistics == flow.statistics)
  }

  @Test("sends that are not copied beforehand are complete once the kernel says so")
  func completesInPlace() throws {
    let flow = try flow(bytes: 600_001, copying: false)
    let bytes = try send(flow)
    #expect(bytes.count == 600_001)
    #expect(try isPattern(bytes))
    #expect(flow.statistics.completions == flow.statistics.sends)
    // Over the loopback, the kernel copies at the receiver's end (`skb_orphan_frags_rx`).
    #expect(flow.statistics.copied == flow.statistics.sends)
    #expect(flow.statistics.notices > 0)
  }

  @Test("a flow knows its port, by which the receiver tells it from others")
  func knowsPort() throws {
    let flow = try flow(bytes: 1)
    let peer = try loopback.accept().peer
    #expect(peer?.port == flow.port)
    #expect(flow.flowIndices == [3])
  }

  @Test("a duration ends a flow, and what arrives is the pattern")
  func endsAfterDuration() throws {
    let start = Instant.now
    // Paced, so that it is not too much for a test.
    let flow = try flow(for: .milliseconds(50), bitsPerSecond: 80_000_000)
    let bytes = try send(flow)
    #expect(Instant.now.since(start) >= .milliseconds(50))
    #expect(bytes.count == flow.figures.bytes)
    #expect(!bytes.isEmpty)
    #expect(try isPattern(bytes))
  }

  @Test("a flow that has sent enough ends before its duration")
  func endsBeforeDuration() throws {
    #expect(try send(flow(bytes: 10, for: .seconds(3600))).count == 10)
  }

  @Test("a paced flow takes its time")
  func isPaced() throws {
    let start = Instant.now
    let bytes = try send(flow(bytes: 1_000_000, bitsPerSecond: 8_000_000))
    // It takes a second but for the first ten segments, which the kernel does not pace
    // (`net/ipv4/tcp_output.c`, `tcp_update_skb_after_send`).
    #expect(Instant.now.since(start) >= .milliseconds(300))
    #expect(bytes.count == 1_000_000)
    #expect(try isPattern(bytes))
  }

  @Test("a peer that does not read holds a flow up until it is stopped, or for its time")
  func endsWaits() throws {
    let stop = try Event()
    let stopped = try flow()
    let work = try BackgroundWork { () throws(Failure) in
      try stopped.work(Wait(orStoppedBy: stop.descriptor))
    }
    pause(for: .milliseconds(50))
    stop.raise()
    #expect(failing { () throws(Failure) in try work.result().get() }?.kind == .stopped)
    #expect(stopped.figures.bytes > 0)

    let silent = try flow(timeout: .milliseconds(30))
    let failure = failing { () throws(Failure) in try silent.work(Wait()) }
    #expect(failure?.errno == .timedOut)
  }

  @Test("a peer that is gone fails a flow")
  func failsWithoutPeer() throws {
    let flow = try flow()
    _ = try loopback.accept().descriptor
    let failure = failing { () throws(Failure) in try flow.work(Wait()) }
    #expect(["ECONNRESET", "EPIPE"].contains(failure?.errno?.name))
  }

  @Test("a peer that leaves with data unread fails a flow whose sends were all taken")
  func failsUnread() throws {
    // It fits into the send buffer: nothing but the acknowledgements show what becomes of it.
    let flow = try flow(bytes: 1 << 20)
    let work = try BackgroundWork { () throws(Failure) in try flow.work(Wait()) }
    do {
      let peer = try loopback.accept()
      _ = try Wait().limited(to: .seconds(10)).for(peer.descriptor, to: "wait")
      let deadline = Wait().limited(to: .seconds(10))
      while flow.counters.figures.bytes < 1 << 20, !deadline.isOver { pause(for: .milliseconds(1)) }
    }
    let failure = failing { () throws(Failure) in try work.result().get() }
    #expect(failure?.errno == .connectionReset)
    #expect(failure?.subject == "flow 3")
    #expect(failure?.reason?.contains(" of 1048576 bytes were acknowledged") == true)
    #expect(failure?.reason?.hasPrefix("1048576 of") == false)
    #expect(flow.figures.bytes == 1 << 20)
  }

  @Test("a flow ends once the peer's kernel has all of it, also if its program reads nothing")
  func endsUnread() throws {
    let flow = try flow(bytes: 10_000)
    let peer = try loopback.accept()
    try flow.work(Wait())
    let bytes = try peer.receiveAll()
    #expect(bytes.count == 10_000)
  }

  @Test("device memory must hold more than the pattern")
  func refusesSmallMemory() throws {
    let directory = try Directory()
    try directory.write("1234567", to: "memory")
    var buffer = try DeviceBuffer(
      mapping: try OwnedDescriptor(opening: directory.path + "/memory", .readingAndWriting),
      named: "a file")
    let pattern = try #require(Pattern(period: 7))
    let failure = failing { () throws(Failure) in _ = try PatternMemory(pattern, into: &buffer) }
    #expect(failure?.kind == .usage)
    #expect(failure?.reason == "the pattern alone has 7")
  }
}
