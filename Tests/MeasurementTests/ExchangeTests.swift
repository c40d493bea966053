// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

struct ExchangeTests {
  private static let pattern = Pattern(period: 7)!
  private let loopback: Loopback

  init() throws { loopback = try Loopback() }

  private func agreement(
    _ request: Int, _ response: Int, for duration: Duration = .milliseconds(200),
    omitting omitted: Duration = .zero
  ) -> Agreement {
    var agreement = Agreement(flows: 1, patternPeriod: 7, duration: duration, omitting: omitted)
    agreement.exchange = Exchange(request: request, response: response)
    return agreement
  }

  /// A flow from host memory over a connection that this end has made.
  private func outgoing(
    _ agreement: Agreement, asks: Bool, timeout: Duration = .seconds(10)
  ) throws -> OutgoingFlow {
    var load = Load()
    load.usesHostMemory = true
    return try OutgoingFlow(
      0, over: try Loopback.connect(to: loopback.address), wasConnected: !asks,
      by: SendLoop(binding: 0, chunkSize: nil, timeout: timeout),
      from: try PatternMemory(load.pattern),
      load, for: agreement.wholeDuration, in: ExchangePart(agreement, asks: asks), on: nil)
  }

  /// The flow at the other end of the connection that was made last.
  private func incoming(_ agreement: Agreement, asks: Bool) throws -> IncomingFlow {
    try IncomingFlow(
      0, over: try loopback.accept(), by: .devmem(through: 7, memorySize: 1 << 20),
      checking: Self.pattern, every: 1, in: ExchangePart(agreement, asks: asks))
  }

  /// Has both ends exchange messages until the one that asks is at its end.
  private func exchange(
    _ agreement: Agreement, senderAsks: Bool
  ) throws -> (sent: OutgoingFlow, received: IncomingFlow) {
    let sent = try outgoing(agreement, asks: senderAsks)
    let received = try incoming(agreement, asks: !senderAsks)
    let worker = ReceiveWorker(
      [received], on: nil, in: try memory(), silence: Silence(upTo: .seconds(10)))
    let work = try BackgroundWork { () throws(Failure) in try sent.work(Wait()) }
    try worker.work(Wait())
    try work.result().get()
    return (sent, received)
  }

  @Test(
    "each message is whole and the pattern, whoever asks, and the end that asks has its times",
    arguments: [(1, 1), (64, 64), (3, 100_000), (1 << 20, 1), (300_000, 1 << 20)], [true, false])
  func exchanges(sizes: (Int, Int), senderAsks: Bool) throws {
    let agreement = agreement(sizes.0, sizes.1)
    let (sent, received) = try exchange(agreement, senderAsks: senderAsks)
    let latencies = try #require(senderAsks ? sent.latencies : received.latencies)
    #expect(senderAsks ? received.latencies == nil : sent.latencies == nil)
    let size = senderAsks ? sizes.0 : sizes.1
    #expect(latencies.count > 0)
    #expect(sent.figures.bytes == latencies.count * size)
    #expect(received.figures.bytes == sent.figures.bytes)
    #expect(received.figures.checkedBytes == sent.figures.bytes)
    #expect(received.figures.wrongBytes == 0)
    let longest = try #require(latencies.maximum)
    #expect(longest > .zero && longest < .seconds(10))
    #expect(try sent.description().latencies == sent.latencies)
    #expect(try received.description(among: []).latencies == received.latencies)
  }

  @Test("exchanges of the warm-up are made and left out", arguments: [true, false])
  func leavesWarmUpOut(senderAsks: Bool) throws {
    let agreement = agreement(10, 10, for: .milliseconds(50), omitting: .milliseconds(150))
    let (sent, received) = try exchange(agreement, senderAsks: senderAsks)
    let latencies = try #require(senderAsks ? sent.latencies : received.latencies)
    #expect(latencies.count > 0)
    #expect(latencies.count < sent.figures.bytes / 10)
  }

  /// What ends a flow that asks, whose peer answers the first request with some bytes and the end of
  /// its stream.
  private func failure(after answer: [UInt8]) throws -> Failure? {
    let flow = try outgoing(agreement(4, 8), asks: true)
    let peer = try loopback.accept()
    try peer.sendAll(answer)
    try attempt("end") { () throws(Errno) in try peer.finishSending() }
    return failing { () throws(Failure) in try flow.work(Wait()) }
  }

  @Test("a peer that ends the flow, or whose messages have another size, fails the one that asks")
  func refusesOtherSizes() throws {
    let ended = try failure(after: [])
    #expect(ended?.errno == .connectionReset)
    #expect(ended?.reason == "the peer ended the flow")
    let short = try failure(after: [1, 2, 3])
    #expect(short?.errno == .protocolError)
    #expect(short?.reason == "it has less than 8 bytes")
    let long = try failure(after: [UInt8](repeating: 1, count: 9))
    #expect(long?.errno == .protocolError)
    #expect(long?.reason == "it has more than 8 bytes")
  }

  @Test("a receiver refuses more than a message, which nobody can have asked for")
  func refusesMore() throws {
    let peer = try Loopback.connect(to: loopback.address)
    let flow = try incoming(agreement(4, 1), asks: false)
    try peer.sendAll((0..<5).map(Self.pattern.byte(at:)))
    let worker = ReceiveWorker(
      [flow], on: nil, in: try memory(), silence: Silence(upTo: .seconds(10)))
    let failure = failing { () throws(Failure) in try worker.work(Wait()) }
    #expect(failure?.reason == "it has more than 4 bytes")
    #expect(failure?.subject == "flow 0")
  }

  @Test("a peer that never answers fails the one that asks, after the timeout")
  func endsSilence() throws {
    let flow = try outgoing(agreement(4, 8), asks: true, timeout: .milliseconds(50))
    let peer = try loopback.accept()
    let failure = failing { () throws(Failure) in try flow.work(Wait()) }
    #expect(failure?.errno == .timedOut)
    let isOver = peer.isOver
    #expect(!isOver)
  }

  @Test("where nothing was agreed on there is no part in it, nor without a time to end")
  func needsAgreement() {
    #expect(ExchangePart(Agreement(flows: 1, duration: .seconds(1)), asks: true) == nil)
    var endless = Agreement(flows: 1, bytesPerFlow: 9)
    endless.exchange = Exchange(request: 1, response: 1)
    #expect(ExchangePart(endless, asks: true) == nil)
  }
}
