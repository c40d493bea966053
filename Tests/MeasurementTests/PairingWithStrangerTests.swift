// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Netdev
import Payload
import Sockets
import TestSupport
import Testing

/// A sender's proposal.
private let offer = "offer flows=1 pattern=7 duration=0 bytes=10 \(forward)"

/// A sender's report of a flow.
private let sentLine =
  "sent port=40000 bytes=10 omitted=0 retransmits=0 rtt=5 cwnd=10 mss=1448 reorderings=0"

/// A receiver's report of a flow.
private func figures(
  device: Int = 10, linear: Int = 0, plain: Int = 0, checked: Int = 0
) -> String {
  "received port=40000 device=\(device) linear=\(linear) plain=\(plain) fragments=1 "
    + "omitted=0 checks=\(checked) checked=0 wrong=0 late=0"
}

/// Either end, with a peer that says what it says whatever it hears.
struct PairingWithStrangerTests {
  /// A row of a table: what a peer says, and the end's failure.
  struct Row: CustomTestStringConvertible, Sendable {
    let lines: [String]
    /// Words of the failure.
    let words: String

    init(_ lines: String..., words: String) {
      self.lines = lines
      self.words = words
    }

    var testDescription: String { lines.joined(separator: ", ") }
  }

  /// Has an end talk to the stranger, who leaves after its lines.
  private func meet(
    _ lines: [String], _ body: (ControlChannel) throws(Failure) -> Void
  ) throws -> (failure: Failure?, heard: [String]) {
    let loopback = try Loopback()
    let stranger = try Loopback.connect(to: loopback.address)
    try stranger.sendAll(Array(lines.map { $0 + "\n" }.joined().utf8))
    try stranger.finishSending()
    let channel = ControlChannel(over: try loopback.accept(), timeout: .seconds(10), Wait())
    let failure = failing { () throws(Failure) in try body(channel) }
    let heard = try stranger.receiveWaiting()
    return withExtendedLifetime(channel) {
      (failure, String(decoding: heard, as: UTF8.self).split(separator: "\n").map(String.init))
    }
  }

  private func receive(_ lines: [String]) throws -> (failure: Failure?, heard: [String]) {
    try meet(lines) { channel throws(Failure) in
      let pairing = try pair(
        over: channel, as: MeasurementOptions(), checking: Pattern(period: 7))
      try pairing.ready()
      pairing.refuse()
      _ = try pairing.exchange(
        [40000: .init(received(device: 10))], in: .seconds(1), isChecked: false, hasFailed: false)
    }
  }

  private func send(_ lines: [String]) throws -> (failure: Failure?, heard: [String]) {
    try meet(lines) { channel throws(Failure) in
      let pairing = try CallerPairing(
        over: channel, on: Agreement(flows: 1, patternPeriod: 7, bytesPerFlow: 10))
      _ = try pairing.exchange([sent(0, port: 40000, bytes: 10)], in: .seconds(1))
    }
  }

  @Test("a receiver says what is agreed, once, and nothing after it is ready but its figures")
  func receives() throws {
    let (failure, heard) = try receive([
      hello, "offer flows=1 pattern=7 duration=0 bytes=10 \(forward)",
      sentLine, "end failed=0 nanoseconds=7 engine=0",
    ])
    #expect(failure == nil)
    #expect(
      heard == [
        hello, "ready flows=1 port=0",
        "received port=40000 device=10 linear=0 plain=0 fragments=0 omitted=0 checks=0 "
          + "checked=0 wrong=0 late=0",
        "end failed=0 nanoseconds=1000000000 engine=0",
      ])
  }

  @Test("a sender says what it offers, and what it sent")
  func sends() throws {
    let (failure, heard) = try send([
      hello, "ready flows=1 port=0",
      "received port=40000 device=10 linear=0 plain=0 fragments=1 omitted=0 checks=0 checked=0 "
        + "wrong=9 late=0",
      "end failed=0 nanoseconds=7 engine=0",
    ])
    #expect(failure == nil)
    #expect(
      heard == [
        hello, "offer flows=1 pattern=7 duration=0 bytes=10 \(forward)",
        "sent port=40000 bytes=10 omitted=0 retransmits=0 rtt=0 cwnd=0 mss=0 reorderings=0",
        "end failed=0 nanoseconds=1000000000 engine=0",
      ])
  }

  @Test(
    "a receiver reports a sender that says anything else, at each step",
    arguments: [
      Row(words: "ECONNRESET"),
      Row("hello version=1", words: "it speaks version 1"),
      Row("ready flows=1 port=0", words: "it said ready where hello was due"),
      Row(hello, words: "ECONNRESET"),
      Row(hello, hello, words: "it said hello where offer was due"),
      Row(
        hello, "offer flows=1025 pattern=7 duration=0 bytes=10 \(forward)",
        words: "a line whose flows is out of bounds"),
      Row(
        hello, "offer flows=1 pattern=7 duration=1 bytes=1 \(forward)",
        words: "its offer is out of bounds"),
      Row(hello, offer, words: "ECONNRESET"),
      Row(
        hello, offer, "end failed=0 nanoseconds=1 engine=0",
        words: "it said end where sent was due"),
      Row(hello, offer, sentLine, words: "ECONNRESET"),
      Row(hello, offer, sentLine, sentLine, words: "it said sent where end was due"),
      Row(
        hello, offer, sentLine, "end failed=2 nanoseconds=1 engine=0",
        words: "a line whose failed is out of bounds"),
      Row(
        hello, offer,
        "sent port=40000 bytes=10 omitted=0 retransmits=0 rtt=9223372036854775807 cwnd=1 mss=1 "
          + "reorderings=0",
        words: "a line whose rtt is out of bounds"),
      Row(
        hello, offer, sentLine, "end failed=1 nanoseconds=1 engine=0",
        words: "the sender failed"),
    ])
  func receivesFromStranger(row: Row) throws {
    let failure = try receive(row.lines).failure
    #expect(failure?.description.contains(row.words) == true)
  }

  @Test(
    "a sender reports a receiver that says anything else, at each step",
    arguments: [
      Row(words: "ECONNRESET"),
      Row("hello version=1", words: "it speaks version 1"),
      Row(hello, words: "ECONNRESET"),
      Row(hello, offer, words: "EPROTO"),
      Row(hello, "ready flows=2 port=0", words: "it said ready flows=2 port=0"),
      Row(hello, "ready flows=1025 port=0", words: "a line whose flows is out of bounds"),
      Row(hello, "refused reason=2", words: "the receiver expects another pattern"),
      Row(hello, "refused reason=9", words: "it does not say why"),
      Row(hello, "ready flows=1 port=0", words: "ECONNRESET"),
      Row(
        hello, "ready flows=1 port=0", "end failed=0 nanoseconds=1 engine=0",
        words: "it said end where received was due"),
      Row(
        hello, "ready flows=1 port=0", "refused reason=4",
        words: "it said refused where received was due"),
      Row(
        hello, "ready flows=1 port=0", figures(device: .max),
        words: "a line whose device is out of bounds"),
      Row(
        hello, "ready flows=1 port=0", figures(checked: 2),
        words: "a line whose checks is out of bounds"),
      Row(hello, "ready flows=1 port=0", figures(), words: "ECONNRESET"),
      Row(
        hello, "ready flows=1 port=0", figures(), figures(),
        words: "it said received where end was due"),
      Row(
        hello, "ready flows=1 port=0", figures(), "end failed=7 nanoseconds=1 engine=0",
        words: "a line whose failed is out of bounds"),
    ])
  func sendsToStranger(row: Row) throws {
    let failure = try send(row.lines).failure
    #expect(failure?.description.contains(row.words) == true)
  }

  /// The largest figures that a peer may report of a flow.
  private static let largest = PeerMessage(
    .received, .max, .max, .max, .max, .max, .max, 1, .max, .max, .max)

  @Test("the largest figures that a sender may be told are reported, as text and as JSON")
  func reportsLargestReceived() throws {
    var peer = PeerReport()
    let failure = try meet(
      [hello, "ready flows=1 port=0", Self.largest.line, "end failed=0 nanoseconds=1 engine=0"]
    ) { channel throws(Failure) in
      let pairing = try CallerPairing(
        over: channel, on: Agreement(flows: 1, patternPeriod: 7, bytesPerFlow: 10))
      peer = try pairing.exchange([sent(0, port: 65535, bytes: 10)], in: .seconds(1))
    }.failure
    #expect(failure == nil)
    #expect(peer.bytes == 3 << 51)
    let report = report(as: .send(MeasurementReport.SendingEnd(Load(), chunkSize: nil)), of: peer)
    #expect(report.lines.last?.hasPrefix("receiver: sum 4503599627370496 bytes in") == true)
    #expect(report.figures().text.contains(#""fragments": 2251799813685248"#))
  }

  @Test("the largest figures that a receiver may be told are reported, as text and as JSON")
  func reportsLargestSent() throws {
    var peer = PeerReport()
    let flows = MeasurementOptions.flowLimit
    let sentLines = (1...flows).map {
      PeerMessage(.sent, $0, .max, 0, .max, .max, .max, .max, .max).line
    }
    var figures = FlowFigures()
    figures.plainBytes = MeasurementOptions.flowByteLimit
    let received = Dictionary(
      uniqueKeysWithValues: (1...flows).map { (UInt16($0), ReceivedFlow(figures)) })
    let failure = try meet(
      [hello, "offer flows=\(flows) pattern=7 duration=0 bytes=10 \(forward)"]
        + sentLines
        + ["end failed=0 nanoseconds=0 engine=0"]
    ) { channel throws(Failure) in
      let pairing = try pair(
        over: channel, as: MeasurementOptions(), checking: Pattern(period: 7))
      peer = try pairing.exchange(
        received, in: .seconds(1), isChecked: true, hasFailed: false)
    }.failure
    #expect(failure == nil)
    #expect(peer.bytes == flows << 51)
    let end = MeasurementReport.ReceivingEnd(
      queues: 0..<1, rxPageSize: nil, tokenMode: .automatic, patternPeriod: 7,
      validationInterval: 1, busyPoll: nil, steering: .queue)
    let report = report(as: .receive(end), of: peer)
    #expect(report.lines == ["sender: sum \(flows << 51) bytes in 0.000 s, 0.000 Gbit/s, ok"])
    let one = self.report(as: .receive(end), of: PeerReport([peer.flows[0]]))
    #expect(one.lines[0].hasSuffix("4294967295 retransmits, rtt 4294967.295 ms"))
    #expect(report.figures().text.contains(#""rtt_microseconds": 4294967295"#))
  }

  /// A report of an end that did nothing itself.
  private func report(
    as end: MeasurementReport.End, of peer: PeerReport
  ) -> MeasurementReport {
    var report = MeasurementReport(
      MeasurementReport.Setting(
        Agreement(flows: 1), MeasurementOptions(), on: "lo", driver: "none", .v4, memory: nil,
        as: end),
      on: HostFacts(interface: "lo", cpus: []),
      whole: Interval(
        start: .zero, end: .zero, flows: [], tokensOutstanding: [], idleHundredths: []),
      workers: [])
    report.peer = peer
    return report
  }
}
