// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Sockets
import TestSupport
import Testing
import Transfer

struct PeerMessageTests {
  @Test(
    "what is written is read",
    arguments: [
      (PeerMessage(.hello, 4), "hello version=4"),
      (
        PeerMessage(.offer, 4, 7, 10, 0, 2, 0, 0, 0, 0, 0, 0),
        "offer flows=4 pattern=7 duration=10 bytes=0 omit=2 direction=0 host=0 rate=0 chunk=0 request=0 response=0"
      ),
      (PeerMessage(.ready, 1024, 0), "ready flows=1024 port=0"),
      (PeerMessage(.refused, 2), "refused reason=2"),
      (
        PeerMessage(.sent, 40000, 1 << 51, 7, 0, 412, 10, 1448, 3),
        "sent port=40000 bytes=2251799813685248 omitted=7 retransmits=0 rtt=412 cwnd=10 mss=1448 "
          + "reorderings=3"
      ),
      (
        PeerMessage(.received, 1, 2, 3, 4, 5, 6, 1, 7, 0, 8),
        "received port=1 device=2 linear=3 plain=4 fragments=5 omitted=6 checks=1 checked=7 wrong=0 "
          + "late=8"
      ),
      (PeerMessage(.end, 0, 5, 0), "end failed=0 nanoseconds=5 engine=0"),
    ])
  func roundTrips(message: PeerMessage, line: String) throws {
    #expect(message.line == line)
    #expect(try PeerMessage(line: line.utf8) == message)
    #expect(line.utf8.count <= PeerMessage.lineLimit)
  }

  @Test(
    "everything else is malformed",
    arguments: [
      "", " ", "hello", "hello ", " hello version=1", "hello  version=1", "hello version=1 ",
      "hello version=", "hello version=-1", "hello version=+1", "hello version=01",
      "hello version=0x1", "hello version=1.0", "hello version=1\r", "hello version=1\0",
      "hello version=9223372036854775808", "hello version=1 version=1", "HELLO version=1",
      "hello Version=1", "hello versio=1", "hello versionn=1", "hello=1 version", "version=1",
      "offer flows=4 pattern=7 duration=10",
      "offer pattern=7 flows=4 duration=10 bytes=0 \(forward)",
      "offer flows=4 pattern=7 duration=10 bytes=0",
      "quit reason=1", "hello version=\u{661}", "GET / HTTP/1.1", "{\"version\": 1}",
    ])
  func refuses(line: String) {
    #expect(throws: PeerMessage.Violation.malformed) { try PeerMessage(line: line.utf8) }
  }

  /// Each number of each word: the word, the number's place, its name and its range.
  static let numbers = PeerMessage.Verb.allCases.flatMap { verb in
    verb.numbers.enumerated().map { (verb, $0, $1.name, $1.range) }
  }

  @Test("each number is taken at both ends of its range, and refused beyond", arguments: numbers)
  func bounds(verb: PeerMessage.Verb, place: Int, name: String, range: ClosedRange<Int>) throws {
    func line(_ value: Int) -> String {
      var values = verb.numbers.map(\.range.lowerBound)
      values[place] = value
      return verb.rawValue + zip(verb.numbers, values).map { " \($0.name)=\($1)" }.joined()
    }
    for value in [range.lowerBound, range.upperBound] {
      #expect(try PeerMessage(line: line(value).utf8).line == line(value))
    }
    for value in [range.lowerBound - 1, range.upperBound + 1, .max] where value >= 0 {
      #expect(throws: PeerMessage.Violation.outOfBounds(name)) {
        try PeerMessage(line: line(value).utf8)
      }
    }
  }

  @Test(
    "each number has the range on which versions of the tool have agreed",
    arguments: [
      (.hello, "hello version=0", "hello version=65535"),
      (
        .offer,
        "offer flows=1 pattern=2 duration=0 bytes=0 omit=0 direction=0 host=0 rate=0 chunk=0 "
          + "request=0 response=0",
        "offer flows=1024 pattern=256 duration=86400 bytes=2251799813685248 omit=86400 direction=2 "
          + "host=1 rate=2251799813685248 chunk=2251799813685248 request=1048576 response=1048576"
      ),
      (.ready, "ready flows=1 port=0", "ready flows=1024 port=65535"),
      (.refused, "refused reason=0", "refused reason=255"),
      (
        .sent,
        "sent port=1 bytes=0 omitted=0 retransmits=0 rtt=0 cwnd=0 mss=0 reorderings=0",
        "sent port=65535 bytes=2251799813685248 omitted=2251799813685248 retransmits=4294967295 "
          + "rtt=4294967295 cwnd=4294967295 mss=4294967295 reorderings=4294967295"
      ),
      (
        .received,
        "received port=1 device=0 linear=0 plain=0 fragments=0 omitted=0 checks=0 checked=0 wrong=0 "
          + "late=0",
        "received port=65535 device=2251799813685248 linear=2251799813685248 "
          + "plain=2251799813685248 fragments=2251799813685248 omitted=2251799813685248 checks=1 "
          + "checked=2251799813685248 wrong=2251799813685248 late=4294967295"
      ),
      (
        .end,
        "end failed=0 nanoseconds=0 engine=0",
        "end failed=1 nanoseconds=31622400000000000 engine=\(Engine.allCases.count - 1)"
      ),
    ] as [(PeerMessage.Verb, String, String)])
  func agreesOnRanges(verb: PeerMessage.Verb, least: String, most: String) throws {
    for (line, bound) in [(least, \ClosedRange<Int>.lowerBound), (most, \.upperBound)] {
      let message = try PeerMessage(line: line.utf8)
      #expect(message.verb == verb)
      #expect(message.values == verb.numbers.map { $0.range[keyPath: bound] })
    }
  }

  @Test("each reason to refuse has the number on which versions of the tool have agreed")
  func agreesOnReasons() {
    #expect(
      (0...6).map(PeerMessage.Refusal.init(rawValue:))
        == [nil, .flows, .pattern, .duration, .failure, .omission, nil])
  }

  @Test("a message of this end has all numbers of its word")
  func needsAllNumbers() async {
    await #expect(processExitsWith: .failure) { _ = PeerMessage(.ready, 1) }
  }

  @Test("a line that is malformed behind a number out of bounds is malformed")
  func prefersForm() {
    #expect(throws: PeerMessage.Violation.malformed) {
      try PeerMessage(
        line: "sent port=0 bytes=0 omitted=0 retransmits=0 rtt=0 cwnd=0 mss=0 rate=0".utf8)
    }
  }

  @Test("a figure of this end that is beyond its range is said as the end of the range")
  func clamps() {
    #expect(
      PeerMessage(.sent, 70000, .max, 0, .max, .max, 1, 2, 3).line
        == "sent port=65535 bytes=2251799813685248 omitted=0 retransmits=4294967295 "
        + "rtt=4294967295 cwnd=1 mss=2 reorderings=3")
    #expect(
      PeerMessage(.end, -1, .max, 0).line
        == "end failed=0 nanoseconds=31622400000000000 engine=0")
  }

  @Test("no line of any bytes is more than it says")
  func survives() {
    var state: UInt64 = 1
    for _ in 0..<20_000 {
      // A linear congruential generator: the same lines in each run.
      var line = Array(
        "offer flows=4 pattern=7 duration=10 bytes=0 omit=2 direction=0 host=0 rate=0 chunk=0 request=0 response=0"
          .utf8)
      for _ in 0..<2 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        line[Int(state >> 33) % line.count] = UInt8(truncatingIfNeeded: state >> 24)
      }
      guard let message = try? PeerMessage(line: line) else { continue }
      #expect(Array(message.line.utf8) == line)
    }
  }
}

struct ControlChannelTests {
  /// A channel, and the hostile or honest other end of its connection.
  private func channel(timeout: Duration? = .seconds(5)) throws -> (ControlChannel, Peer) {
    let listener = try Listener(on: try SocketAddress(IPAddress("127.0.0.1")!, port: 0))
    let port = try #require(try listener.localAddress()).port
    let client = try TCPClient(to: IPAddress("127.0.0.1")!, port: port)
    let stop = try Event()
    let channel = ControlChannel(
      over: try listener.accept(), timeout: timeout, Wait(orStoppedBy: stop.descriptor))
    return (channel, Peer(client, stop))
  }

  private final class Peer {
    private var client: TCPClient?
    let stop: Event

    init(_ client: consuming TCPClient, _ stop: Event) {
      self.client = consume client
      self.stop = stop
    }

    func say(_ text: String) throws {
      switch client {
      case .some(let client): try client.write(Array(text.utf8))
      case .none: break
      }
    }

    func leave() { client = nil }
  }

  @Test("messages come one after the other, however they are cut")
  func receives() throws {
    let (channel, peer) = try channel()
    try peer.say("ready flows=2 port=0\nend failed=0 nano")
    #expect(try channel.receive(.ready) == [2, 0])
    try peer.say("seconds=7 engine=0\n")
    #expect(try channel.receive(.end) == [0, 7, 0])
    #expect(!channel.isOver)
    peer.leave()
    #expect(channel.isOver)
  }

  @Test(
    "a peer that says anything else is reported, and not listened to",
    arguments: [
      ("GET / HTTP/1.1\r\n\r\n", "malformed"),
      ("\n", "malformed"),
      ("ready flows=2 port=0\n", "it said ready where offer was due"),
      (String(repeating: "x", count: 257), "a line without end"),
      (String(repeating: "x", count: 257) + "\n", "a line without end"),
    ])
  func refuses(text: String, reason: String) throws {
    let (channel, peer) = try channel()
    try peer.say(text)
    let failure = #expect(throws: Failure.self) { try channel.receive(.offer) }
    #expect(failure?.errno == .protocolError)
    #expect(failure?.description.contains(reason) == true)
  }

  @Test("a peer of another version is not spoken to")
  func refusesVersion() throws {
    let (channel, peer) = try channel()
    try peer.say("hello version=1\n")
    let failure = #expect(throws: Failure.self) { try channel.greet() }
    #expect(
      failure?.description.contains("it speaks version 1 of the control protocol, not 4") == true)
    #expect(failure?.hint == "it is older: use the same ncdevmem on both ends")
  }

  @Test("a peer that does not read is given up, at once where it must not be waited for")
  func givesUpSending() throws {
    let (channel, peer) = try channel(timeout: .milliseconds(50))
    let message = PeerMessage(
      .received, .max, .max, .max, .max, .max, .max, 1, .max, .max, .max)
    func fill(within limit: Duration?) -> Failure? {
      failing { () throws(Failure) in
        // More than both ends' buffers take, which grow to some megabytes (`tcp_rmem`, `tcp_wmem`).
        for _ in 0..<400_000 { try channel.send(message, within: limit) }
      }
    }
    #expect(fill(within: .zero)?.errno == .timedOut)
    let start = Instant.now
    let failure = fill(within: nil)
    #expect(failure?.errno == .timedOut)
    #expect(failure?.reason == "it does not read")
    #expect(Instant.now.since(start) >= .milliseconds(50))
    peer.leave()
  }

  @Test("a peer that says nothing, leaves or is waited for too long ends the wait")
  func gives() throws {
    let (silent, quiet) = try channel(timeout: .zero)
    #expect(throws: Failure.self) { try silent.receive() }
    let (left, peer) = try channel()
    peer.leave()
    let gone = #expect(throws: Failure.self) { try left.receive() }
    #expect(gone?.errno == .connectionReset)
    let (stopped, other) = try channel(timeout: nil)
    other.stop.raise()
    let failure = #expect(throws: Failure.self) { try stopped.receive() }
    #expect(failure?.kind == .stopped)
    quiet.leave()
  }
}
