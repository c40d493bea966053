// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Sockets
import TestSupport
import Testing

struct ControlPortTests {
  private static let offer = "offer flows=2 pattern=7 duration=1 bytes=0 \(forward)"

  /// What is said by a sender.
  private static let sender = "\(hello)\n\(offer)\n"

  /// Waits for an offer, after some callers have said something each.
  ///
  /// - Parameters:
  ///   - callers: What each says, in order; nothing more if it is to go on silently.
  ///   - sender: What the sender says, who calls last; `nil` if none does.
  ///   - act: What the callers do while they are waited for.
  private func wait(
    for timeout: Duration = .seconds(10), within limit: Duration = .seconds(10),
    from admission: Admission = .anyone, callers: [String], sender: String? = sender,
    act: @escaping @Sendable ([Caller]) throws(Failure) -> Void = { _ in }
  ) throws -> Result<Agreement, Failure> {
    let port = try ControlPort(on: try SocketAddress(IPAddress("127.0.0.1")!, port: 0))
    let address = try #require(try port.localAddress())
    let all =
      try callers.map { Caller(try Loopback.connect(to: address), says: $0) }
      + (sender.map { [Caller(try Loopback.connect(to: address), says: $0)] } ?? [])
    for caller in all { try caller.begin() }
    let work = try BackgroundWork { () throws(Failure) in try act(all) }
    let result = Result { () throws(Failure) in
      try port.waitForOffer(Wait(), for: timeout, from: admission, within: limit).agreement
    }
    try work.result().get()
    return withExtendedLifetime(all) { result }
  }

  /// Somebody who calls.
  private final class Caller: @unchecked Sendable {
    private let connection: Connection
    private let text: String

    init(_ connection: consuming Connection, says text: String) {
      self.connection = connection
      self.text = text
    }

    func begin() throws(Failure) { try say(text) }

    func say(_ text: String) throws(Failure) { try connection.sendAll(Array(text.utf8)) }

    func leave() throws(Failure) {
      try attempt("leave") { () throws(Errno) in try connection.finishSending() }
    }
  }

  @Test(
    "a caller that says anything else costs the sender nothing",
    arguments: [
      "GET / HTTP/1.1\r\n\r\n", String(repeating: "x", count: 100_000), "hello version=1\n",
      "\(hello)\noffer flows=1025 pattern=7 duration=1 bytes=0 \(forward)\n",
      "\(hello)\noffer flows=1 pattern=7 duration=1 bytes=1 \(forward)\n",
      "\(hello)\nready flows=2 port=0\n", "ready flows=2 port=0\n", "", "\(hello)\n", "hello ver",
    ])
  func takesSender(text: String) throws {
    let start = Instant.now
    let agreement = try wait(callers: [text]).get()
    #expect(agreement == Agreement(flows: 2, patternPeriod: 7, duration: .seconds(1)))
    #expect(Instant.now.since(start) < .seconds(5))
  }

  @Test("callers that leave, and more silent ones than are listened to, cost it nothing either")
  func takesSenderAmongMany() throws {
    let port = try ControlPort(on: try SocketAddress(IPAddress("127.0.0.1")!, port: 0))
    let address = try #require(try port.localAddress())
    let work = try BackgroundWork { () throws(Failure) in
      var callers: [Caller] = []
      for _ in 0..<ControlPort.callerLimit + 3 {
        callers.append(Caller(try Loopback.connect(to: address), says: ""))
        // So that the receiver hears of each: a full listener takes no call.
        pause(for: .milliseconds(5))
      }
      try callers.last?.leave()
      callers.append(Caller(try Loopback.connect(to: address), says: Self.sender))
      try callers.last?.begin()
      return callers
    }
    let agreement = try port.waitForOffer(Wait(), for: .seconds(10), within: .seconds(10)).agreement
    #expect(agreement.flows == 2)
    _ = try work.result().get()
  }

  @Test("an offer that comes in pieces is taken")
  func takesPieces() throws {
    let agreement = try wait(callers: [], sender: "hel") { callers throws(Failure) in
      for piece in [
        "\(hello.dropFirst(3))\nof", String(Self.offer.dropFirst(2)), "\n",
      ] {
        pause(for: .milliseconds(20))
        try callers[0].say(piece)
      }
    }.get()
    #expect(agreement.flows == 2)
  }

  @Test("a caller that dribbles is closed when its time is over, whatever it still says")
  func bounds() throws {
    let start = Instant.now
    let result = try wait(
      for: .milliseconds(600), within: .milliseconds(50), callers: ["h"], sender: nil
    ) { callers throws(Failure) in
      // The receiver closes the connection meanwhile, which ends this.
      do throws(Failure) {
        // Few pieces: on a busy machine, too, all are said before the wait is over.
        var rest = "\(hello.dropFirst())\n\(Self.offer)\n"[...]
        while !rest.isEmpty {
          try callers[0].say(String(rest.prefix(6)))
          rest = rest.dropFirst(6)
          pause(for: .milliseconds(10))
        }
      } catch {}
    }
    let failure = failing { () throws(Failure) in try result.get() }
    #expect(failure?.errno == .timedOut)
    #expect(failure?.reason?.hasPrefix("none made an offer in") == true)
    let passed = Instant.now.since(start)
    #expect(passed >= .milliseconds(600) && passed < .seconds(5))
  }

  @Test("callers do not prolong the wait")
  func keepsDeadline() throws {
    let start = Instant.now
    let texts = ["x\n", "", "hello version=1\n", "\(hello)\n"]
    let result = try wait(for: .milliseconds(200), callers: texts, sender: nil)
    #expect(failing { () throws(Failure) in try result.get() }?.errno == .timedOut)
    #expect(Instant.now.since(start) < .seconds(5))
  }

  @Test("an offer from another address than the sender's is not heard")
  func keepsToAddress() throws {
    let admission = Admission(only: IPAddress("127.0.0.77")!, because: "-c")
    let result = try wait(for: .milliseconds(100), from: admission, callers: [])
    #expect(failing { () throws(Failure) in try result.get() }?.errno == .timedOut)
  }

  @Test("a stop ends the wait")
  func stops() throws {
    let port = try ControlPort(on: try SocketAddress(IPAddress("127.0.0.1")!, port: 0))
    let stop = try Event()
    stop.raise()
    let failure = failing { () throws(Failure) in
      try port.waitForOffer(Wait(orStoppedBy: stop.descriptor), for: nil).agreement
    }
    #expect(failure?.kind == .stopped)
  }
}
