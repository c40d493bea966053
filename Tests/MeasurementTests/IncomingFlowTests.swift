// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Measurement
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

/// Counts how often it is asked to look.
private final class CountingWitness: SilenceWitness {
  var looks = 0

  func look(isFirst: Bool) { looks += 1 }

  func hint() -> String { "counted" }
}

struct IncomingFlowTests {
  private static let pattern = Pattern(period: 7)!

  private func payload(_ count: Int) -> [UInt8] { (0..<count).map(Self.pattern.byte(at:)) }

  /// A flow, and the sender's end of its connection.
  private final class Stream {
    let flow: IncomingFlow
    let sender: Connection

    init(
      _ index: Int, over loopback: Loopback, memorySize: Int = 1 << 20, failsOnLinear: Bool = false
    ) throws {
      sender = try Loopback.connect(to: loopback.address)
      flow = try IncomingFlow(
        index, over: try loopback.accept(),
        by: .devmem(through: 7, memorySize: memorySize, failsOnLinear: failsOnLinear),
        checking: IncomingFlowTests.pattern, every: 1)
    }
  }

  private func streams(_ count: Int, memorySize: Int = 1 << 20) throws -> [Stream] {
    let loopback = try Loopback()
    var streams: [Stream] = []
    for index in 0..<count {
      streams.append(try Stream(index, over: loopback, memorySize: memorySize))
    }
    return streams
  }

  private func worker(_ streams: [Stream]) throws -> ReceiveWorker {
    ReceiveWorker(
      streams.map(\.flow), on: nil, in: try memory(), silence: Silence(upTo: .seconds(10)))
  }

  @Test("one worker receives several flows to their ends, each with its own figures")
  func receives() throws {
    let streams = try streams(3)
    try streams[0].sender.sendAll(payload(100_000))
    try streams[1].sender.sendAll(payload(1000) + [99, 98])
    for stream in streams { try stream.sender.finishSending() }
    let worker = try worker(streams)
    #expect(worker.flowIndices == [0, 1, 2])
    try worker.work(Wait())
    #expect(streams.map(\.flow.figures.plainBytes) == [100_000, 1002, 0])
    #expect(streams.map(\.flow.figures.wrongBytes) == [0, 2, 0])
    #expect(streams.map(\.flow.figures.bytes) == [100_000, 1002, 0])
    #expect(streams.allSatisfy { $0.flow.counters.figures == $0.flow.figures })
  }

  @Test(
    "sockets alone receive flows to their ends, checked or dropped",
    arguments: [
      (FlowMethod.socket(), true), (.socket(), false), (.socket(showsPages: true), true),
      (.socket(showsPages: true), false),
    ])
  func receivesBySockets(method: FlowMethod, checks: Bool) throws {
    let loopback = try Loopback()
    var flows: [IncomingFlow] = []
    for (index, bytes) in [payload(100_000), payload(1000) + [99, 98]].enumerated() {
      let sender = try Loopback.connect(to: loopback.address)
      flows.append(
        try IncomingFlow(
          index, over: try loopback.accept(), by: method, checking: checks ? Self.pattern : nil,
          every: 1))
      try sender.sendAll(bytes)
      try sender.finishSending()
    }
    let worker = ReceiveWorker(flows, on: nil, in: nil, silence: Silence(upTo: .seconds(10)))
    try worker.work(Wait())
    #expect(flows.map(\.figures.plainBytes) == [100_000, 1002])
    #expect(flows.map(\.figures.checkedBytes) == (checks ? [100_000, 1002] : [0, 0]))
    #expect(flows.map(\.figures.wrongBytes) == (checks ? [0, 2] : [0, 0]))
    #expect(flows.allSatisfy { $0.counters.figures == $0.figures })
  }

  @Test("a flow whose device memory a GPU compares has its other payload checked as well")
  func receivesBesideGPU() throws {
    let standIn = try StandInCUDA()
    let buffer = try CUDAMemory(gpu: nil, near: "nosuch0", library: standIn.path)
      .allocate(byteCount: 2 << 20)
    let comparer = try #require(try buffer.comparer(with: Self.pattern.bytes))
    let loopback = try Loopback()
    let sender = try Loopback.connect(to: loopback.address)
    let flow = try IncomingFlow(
      0, over: try loopback.accept(),
      by: .devmem(through: 7, memorySize: 1 << 20), checking: Self.pattern,
      every: 1, comparedBy: try comparer.comparison())
    try sender.sendAll(payload(1000) + [99, 98])
    try sender.finishSending()
    let worker = ReceiveWorker(
      [flow], on: nil, in: SharedMemory(buffer, comparedBy: comparer),
      silence: Silence(upTo: .seconds(10)))
    try worker.work(Wait())
    #expect(flow.figures.plainBytes == 1002 && flow.figures.wrongBytes == 2)
    #expect(flow.counters.figures == flow.figures)
  }

  @Test("the first plain bytes fail a flow that must have none, and are counted")
  func refusesPlain() throws {
    let stream = try Stream(0, over: Loopback(), failsOnLinear: true)
    try stream.sender.sendAll(payload(1000))
    let worker = try worker([stream])
    let failure = failing { () throws(Failure) in try worker.work(Wait()) }
    #expect(failure?.reason?.contains("came in plain frames (-L") == true)
    #expect(stream.flow.figures.plainBytes == 1000)
  }

  @Test("what is known of a flow at its end names its sender")
  func describes() throws {
    let streams = try streams(1)
    try streams[0].sender.sendAll(payload(10))
    try streams[0].sender.finishSending()
    try worker(streams).work(Wait())
    let flow = try streams[0].flow.description(among: [])
    #expect(flow.index == 0)
    #expect(flow.figures.bytes == 10)
    #expect(flow.information.retransmits == 0)
    guard case .received(let peer, let ownPort, let queue, let cpu) = flow.detail else {
      Issue.record("not received")
      return
    }
    let port = try streams[0].sender.localPort()
    #expect(peer?.port == port)
    #expect(ownPort == port)
    #expect(queue == nil)
    #expect(cpu != nil)
  }

  @Test(
    "the CPU of a flow is the one that took its last packets, not its first",
    .enabled("needs two CPUs") { try Affinity.allowed().count > 1 })
  func describesLastCPU() throws {
    // Packets over the loopback are received on the sender's CPU.
    let cpus = try Affinity.allowed()
    let work = try BackgroundWork { () throws(Failure) in
      do {
        let loopback = try Loopback()
        try Affinity.pin(to: cpus[0])
        let stream = try Stream(0, over: loopback)
        try Affinity.pin(to: cpus[1])
        try stream.sender.sendAll([1])
        let deadline = Instant.now.advanced(by: .seconds(10))
        while try stream.flow.connection.incomingCPU() != cpus[1], .now < deadline {
          pause(for: .milliseconds(1))
        }
        guard case .received(_, _, _, let cpu) = try stream.flow.description(among: []).detail
        else {
          throw Failure("describe", reason: "not received")
        }
        #expect(stream.flow.firstCPU == cpus[0])
        #expect(cpu == cpus[1])
      } catch {
        throw error as? Failure ?? Failure("describe", reason: "\(error)")
      }
    }
    try work.result().get()
  }

  @Test("a flow that trickles is received byte by byte, and after a rush, too")
  func receivesTrickle() throws {
    // So little memory that some bytes are a batch worth a moment's wait.
    let streams = try streams(2, memorySize: 16 << 10)
    let worker = try worker(streams)
    let work = try BackgroundWork { () throws(Failure) in try worker.work(Wait()) }
    let counters = streams[0].flow.counters
    var sent = 0
    for count in [1, 1, 5000, 3, 1] {
      try streams[0].sender.sendAll(Array(payload(sent + count)[sent...]))
      sent += count
      let deadline = Instant.now.advanced(by: .seconds(10))
      while counters.figures.bytes < sent, .now < deadline { pause(for: .milliseconds(1)) }
      #expect(counters.figures.bytes == sent)
    }
    for stream in streams { try stream.sender.finishSending() }
    try work.result().get()
    #expect(streams[0].flow.figures.wrongBytes == 0)
  }

  @Test("flows that are all silent for too long fail, however many have ended")
  func timesOut() throws {
    let streams = try streams(3)
    let memory = try memory()
    let witness = CountingWitness()
    try streams[0].sender.finishSending()
    let many = failing { () throws(Failure) in
      try ReceiveWorker(
        streams.map(\.flow), on: nil, in: memory,
        silence: Silence(upTo: .milliseconds(30), watchedBy: witness)
      ).work(Wait())
    }
    #expect(witness.looks == 1)
    #expect(many?.hint == "counted")
    #expect(many?.errno == .timedOut)
    #expect(many?.subject == "flows [0, 1, 2]")
    let one = failing { () throws(Failure) in
      try ReceiveWorker(
        [streams[1].flow], on: nil, in: memory, silence: Silence(upTo: .milliseconds(30))
      ).work(Wait())
    }
    withExtendedLifetime(streams) {}
    #expect(one?.subject == "flow 1")
  }

  @Test("a stop ends the wait for data")
  func stops() throws {
    let streams = try streams(2)
    let stop = try Event()
    stop.raise()
    let worker = try worker(streams)
    let failure = failing { () throws(Failure) in
      try worker.work(Wait(orStoppedBy: stop.descriptor))
    }
    withExtendedLifetime(streams) {}
    #expect(failure?.kind == .stopped)
  }

  @Test("a peer that breaks its connection off fails the worker")
  func failsOnReset() throws {
    let loopback = try Loopback()
    let flow: IncomingFlow
    do {
      let sender = try Loopback.connect(to: loopback.address)
      let connection = try loopback.accept()
      try connection.sendAll([1])
      // Wait for it to arrive: a connection that is closed with unread bytes is reset.
      _ = try Wait().for(sender.descriptor, to: "wait")
      flow = try IncomingFlow(
        0, over: connection, by: .devmem(through: 7, memorySize: 1 << 20), checking: nil,
        every: 1)
    }
    let worker = ReceiveWorker(
      [flow], on: nil, in: try memory(), silence: Silence(upTo: .seconds(10)))
    let failure = failing { () throws(Failure) in try worker.work(Wait()) }
    #expect(failure?.errno == .connectionReset)
  }
}
