// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Options
import Payload
import Session
import TestSupport
import Testing
import Transfer

/// One row of the table: a run, and what becomes of it.
private struct Row: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var end: Result<Void, Failure> = .success(())
  var streams: [Verdict.Stream] = [Verdict.Stream(figures(device: 1000))]
  var demands = Verdict.Demands(Configuration.Checks())
  /// The signal that waits, if one does.
  var signal: CInt?
  var status: Int32
  /// Words of the failure; `nil` where there is none.
  var words: String?
}

/// Figures of a stream whose tokens have all come back.
private func figures(
  device: Int = 0, linear: Int = 0, plain: Int = 0, wrong: Int = 0, outstanding: Int = 0
) -> FlowFigures {
  var figures = FlowFigures()
  figures.deviceBytes = device
  figures.linearBytes = linear
  figures.plainBytes = plain
  figures.wrongBytes = wrong
  figures.fragments = device / 100
  figures.tokensReturned = figures.fragments - outstanding
  return figures
}

private func demands(
  checking: Bool = true, expecting bytes: Int? = nil, refused: Bool = false, plain: Bool = false,
  strict: Bool = false, by engine: Engine = .devmem
) -> Verdict.Demands {
  var checks = Configuration.Checks()
  checks.pattern = checking ? Pattern(period: 7) : nil
  checks.expectedByteCount = bytes
  checks.allowsPlain = plain
  checks.failsOnLinear = strict
  return Verdict.Demands(checks, of: engine, mustBeRefused: refused)
}

private func streams(_ figures: FlowFigures...) -> [Verdict.Stream] {
  figures.enumerated().map { Verdict.Stream(flow: $0, $1) }
}

/// Each rule, broken and kept, in its order; each exit status.
private let table = [
  Row(testDescription: "all bytes in device memory", demands: demands(), status: 0),
  Row(testDescription: "no pattern", demands: demands(checking: false), status: 0),
  Row(
    testDescription: "linear bytes are part of the stream",
    streams: [Verdict.Stream(figures(device: 900, linear: 100))], demands: demands(), status: 0),
  Row(
    testDescription: "plain bytes are part of the stream with --allow-plain",
    streams: [Verdict.Stream(figures(device: 100, plain: 900))], demands: demands(plain: true),
    status: 0),

  Row(
    testDescription: "payload that nobody validates, and that the NIC wrote to the memory",
    streams: [Verdict.Stream(flow: 0, figures(device: 100), wroteMemory: true)],
    demands: demands(checking: false), status: 0),
  Row(
    testDescription: "payload that the NIC counted and did not write to the memory",
    streams: [
      Verdict.Stream(flow: 0, figures(device: 100), wroteMemory: true),
      Verdict.Stream(flow: 1, figures(device: 100), wroteMemory: false),
    ], demands: demands(checking: false), status: 1,
    words: "accept flow 1: 100 bytes were counted, but nothing was written to the memory"),

  // What ended the run.
  Row(
    testDescription: "a failure", end: .failure(Failure("receive", errno: .connectionReset)),
    demands: demands(), status: 1, words: "ECONNRESET"),
  Row(
    testDescription: "a failure of the command line",
    end: .failure(Failure("bind", kind: .usage)), status: 2, words: "bind"),
  Row(
    testDescription: "something that is not supported",
    end: .failure(Failure("bind", kind: .unsupported)), status: 4, words: "bind"),
  Row(
    testDescription: "SIGINT", end: .failure(.stopped("receive")), signal: 2, status: 130,
    words: "stopped"),
  Row(
    testDescription: "SIGTERM", end: .failure(.stopped("receive")), signal: 15, status: 143,
    words: "stopped"),
  Row(
    testDescription: "a stop without a signal", end: .failure(.stopped("receive")), status: 1,
    words: "stopped"),
  Row(
    testDescription: "a failure while a signal waits",
    end: .failure(Failure("receive", errno: .noDevice)), signal: 2, status: 1, words: "ENODEV"),
  Row(
    testDescription: "what came wrong does not hide what ended the run",
    end: .failure(Failure("receive", errno: .connectionReset)),
    streams: [Verdict.Stream(figures(device: 1000, wrong: 9))], demands: demands(), status: 1,
    words: "ECONNRESET"),

  Row(
    testDescription: "an interrupted call that no signal of the run's explains",
    end: .failure(Failure("bind", errno: .interrupted)), streams: [Verdict.Stream(figures())],
    demands: demands(checking: false), status: 1, words: "EINTR"),
  Row(
    testDescription: "an interrupted call while a signal waits",
    end: .failure(Failure("bind", errno: .interrupted)), signal: 15, status: 1, words: "EINTR"),

  // An unbind before the first payload, in manual mode.
  Row(
    testDescription: "a refusal that must be",
    end: .failure(Failure("receive", errno: .noDevice)), streams: [Verdict.Stream(figures())],
    demands: demands(refused: true), status: 0),
  Row(
    testDescription: "another failure in its place",
    end: .failure(Failure("receive", errno: .badAddress)), streams: [Verdict.Stream(figures())],
    demands: demands(refused: true), status: 1, words: "EFAULT"),
  Row(
    testDescription: "the refusal after payload",
    end: .failure(Failure("receive", errno: .noDevice)), demands: demands(refused: true),
    status: 1, words: "ENODEV"),
  Row(
    testDescription: "payload in its place", demands: demands(refused: true), status: 1,
    words: "1000 bytes came although their binding was gone"),
  Row(
    testDescription: "a byte in its place", streams: [Verdict.Stream(figures(device: 1))],
    demands: demands(refused: true), status: 1,
    words: "1 bytes came although their binding was gone"),
  Row(
    testDescription: "a stream without payload, of which nothing was refused",
    streams: [Verdict.Stream(figures())], demands: demands(checking: false, refused: true),
    status: 1, words: "nothing to refuse (ENODEV)"),
  Row(
    testDescription: "a refusal that must be, of a stream that was to have a length",
    end: .failure(Failure("receive", errno: .noDevice)), streams: [Verdict.Stream(figures())],
    demands: demands(expecting: 9, refused: true), status: 1, words: "0 bytes, not 9"),
  Row(
    testDescription: "a refusal that must be, of a stream that was to have none",
    end: .failure(Failure("receive", errno: .noDevice)), streams: [Verdict.Stream(figures())],
    demands: demands(expecting: 0, refused: true), status: 0),
  Row(
    testDescription: "the refusal where it need not be",
    end: .failure(Failure("receive", errno: .noDevice)), streams: [Verdict.Stream(figures())],
    status: 1, words: "ENODEV"),

  // What came.
  Row(
    testDescription: "a wrong byte", streams: [Verdict.Stream(figures(device: 1000, wrong: 1))],
    demands: demands(), status: 1, words: "1 of 1000 bytes are wrong"),
  Row(
    testDescription: "wrong bytes of one flow of two",
    streams: streams(figures(device: 500), figures(device: 500, wrong: 2)), demands: demands(),
    status: 1, words: "2 of 1000 bytes are wrong"),
  Row(
    testDescription: "the length that was expected", demands: demands(expecting: 1000), status: 0),
  Row(
    testDescription: "less than was expected", demands: demands(expecting: 1001), status: 1,
    words: "accept the stream: 1000 bytes, not 1001 (--expect-bytes)"),
  Row(
    testDescription: "more than was expected", demands: demands(expecting: 0), status: 1,
    words: "1000 bytes, not 0"),
  Row(
    testDescription: "the length of all flows together",
    streams: streams(figures(device: 500), figures(device: 500)),
    demands: demands(expecting: 1000), status: 0),
  Row(
    testDescription: "less than was expected of all flows",
    streams: streams(figures(device: 500), figures(device: 400)),
    demands: demands(expecting: 1000), status: 1, words: "accept the flows: 900 bytes, not 1000"),
  Row(
    testDescription: "nothing to compare", streams: [Verdict.Stream(figures())],
    demands: demands(), status: 1, words: "validate the payload: no payload was received"),
  Row(
    testDescription: "nothing without a pattern", streams: [Verdict.Stream(figures())],
    demands: demands(checking: false), status: 0),
  Row(
    testDescription: "nothing of one flow", streams: streams(figures(device: 1000), figures()),
    demands: demands(), status: 1, words: "no payload of flow 1 was received"),
  Row(
    testDescription: "nothing of two flows",
    streams: streams(figures(device: 1000), figures(), figures()), demands: demands(), status: 1,
    words: "no payload of flow 1 was received"),
  Row(
    testDescription: "nothing in device memory",
    streams: [Verdict.Stream(figures(plain: 1000))], demands: demands(checking: false), status: 1,
    words: "accept the stream: none of its 1000 bytes came through device memory"),
  Row(
    testDescription: "nothing in device memory with --allow-plain",
    streams: [Verdict.Stream(figures(plain: 1000))], demands: demands(plain: true), status: 1,
    words: "accept the stream: none of its 1000 bytes came through device memory"),
  Row(
    testDescription: "a byte that did not come through device memory",
    streams: [Verdict.Stream(figures(plain: 1))], demands: demands(plain: true), status: 1,
    words: "none of its 1 bytes came through device memory"),
  Row(
    testDescription: "nothing in device memory, of two other kinds",
    streams: [Verdict.Stream(figures(linear: 1, plain: 999))], demands: demands(plain: true),
    status: 1, words: "none of its 1000 bytes came through device memory"),
  Row(
    testDescription: "nothing but linear bytes",
    streams: [Verdict.Stream(figures(linear: 1000))], demands: demands(), status: 1,
    words: "came through device memory\nhint: the NIC splits frames in the wrong place"),
  Row(
    testDescription: "nothing of one flow in device memory",
    streams: streams(figures(device: 1000), figures(plain: 10)),
    demands: demands(checking: false), status: 1, words: "accept flow 1: none of its 10 bytes"),

  // Plain frames.
  Row(
    testDescription: "a plain byte", streams: [Verdict.Stream(figures(device: 999, plain: 1))],
    demands: demands(checking: false), status: 1,
    words: "accept the stream: 1 of 1000 bytes came outside of device memory\nhint: either"),
  Row(
    testDescription: "plain bytes on a bound queue",
    streams: [Verdict.Stream(figures(device: 500, plain: 500), arrival: .init(3, among: 2..<4))],
    demands: demands(), status: 1,
    words: "hint: the flow comes through queue 3, which is bound: the NIC leaves frames whole"),
  Row(
    testDescription: "plain bytes on another queue",
    streams: [Verdict.Stream(figures(device: 500, plain: 500), arrival: .init(1, among: 2..<4))],
    demands: demands(), status: 1,
    words: "hint: the flow comes through queue 1, which is not bound: the flow rule is missing"),
  Row(
    testDescription: "plain bytes after the run itself ended the binding",
    streams: [Verdict.Stream(figures(device: 500, plain: 500), arrival: .unboundQueue)],
    demands: demands(), status: 1, words: "hint: with -U the binding ends before the stream"),
  Row(
    testDescription: "plain bytes of one flow of two",
    streams: streams(figures(device: 1000), figures(device: 900, plain: 100)),
    demands: demands(), status: 1, words: "accept flow 1: 100 of 1000 bytes came outside"),
  Row(
    testDescription: "wrong bytes come before plain ones",
    streams: [Verdict.Stream(figures(device: 999, plain: 1, wrong: 1))], demands: demands(),
    status: 1, words: "are wrong"),
  Row(
    testDescription: "plain bytes come before tokens",
    streams: [Verdict.Stream(figures(device: 999, plain: 1, outstanding: 1))],
    demands: demands(), status: 1, words: "outside of device memory"),
  Row(
    testDescription: "a plain frame that ended a run with -L",
    end: .failure(Failure("receive", reason: "plain")),
    streams: [Verdict.Stream(figures(device: 500, plain: 500), arrival: .init(1, among: 2..<4))],
    demands: demands(strict: true), status: 1, words: "plain\nhint: the flow comes through queue 1"),
  Row(
    testDescription: "something else that ended a run with -L",
    end: .failure(Failure("receive", errno: .connectionReset, hint: "reset")),
    streams: [Verdict.Stream(figures(device: 500, plain: 500))],
    demands: demands(strict: true), status: 1, words: "hint: reset"),
  Row(
    testDescription: "wrong bytes come before the length, and that before the way",
    streams: [Verdict.Stream(figures(plain: 1000, wrong: 1))], demands: demands(expecting: 1),
    status: 1, words: "are wrong"),
  Row(
    testDescription: "tokens that did not come back",
    streams: [Verdict.Stream(figures(device: 1000, outstanding: 3))], demands: demands(),
    status: 1, words: "return all tokens: 3 of 10 are out"),
  Row(
    testDescription: "a token that did not come back",
    streams: [Verdict.Stream(figures(device: 1000, outstanding: 1))], demands: demands(),
    status: 1, words: "return all tokens: 1 of 10 are out"),
  Row(
    testDescription: "wrong bytes come before tokens",
    streams: [Verdict.Stream(figures(device: 1000, wrong: 1, outstanding: 3))],
    demands: demands(), status: 1, words: "are wrong"),
  Row(
    testDescription: "of sockets, all comes outside of device memory",
    streams: [Verdict.Stream(figures(plain: 1000))], demands: demands(by: .socket), status: 0),
  Row(
    testDescription: "sockets that received nothing",
    streams: streams(figures(plain: 9), figures()), demands: demands(by: .zerocopySocket),
    status: 1, words: "no payload of flow 1"),
  Row(
    testDescription: "a flow without payload comes before tokens",
    streams: streams(figures(device: 1000, outstanding: 3), figures()), demands: demands(),
    status: 1, words: "no payload of flow 1"),
]

struct VerdictTests {
  @Test("each rule has its failure, each failure its exit status", arguments: table)
  fileprivate func judges(row: Row) {
    let verdict = Verdict(of: row.end, row.streams, row.demands)
    #expect(verdict.exitStatus(signal: row.signal) == row.status)
    guard let words = row.words else {
      #expect(verdict.failure == nil)
      #expect(failing { () throws(Failure) in try verdict.get() } == nil)
      return
    }
    #expect(verdict.failure?.description.contains(words) == true)
    let thrown = failing { () throws(Failure) in try verdict.get() }
    #expect(thrown?.description.contains(words) == true)
  }

  @Test("with -L, only a failure that can be that of a plain frame is explained as that")
  func explainsPlainFrame() {
    func hint(
      of failure: Failure = Failure("receive", reason: "plain"), plain: Int = 1, strict: Bool = true
    ) -> String? {
      let stream = Verdict.Stream(figures(device: 500, plain: plain), arrival: .otherQueue(1))
      return Verdict(of: .failure(failure), [stream], demands(strict: strict)).failure?.hint
    }
    #expect(hint()?.hasPrefix("the flow comes through queue 1, which is not bound") == true)
    #expect(hint(plain: 0) == nil)
    #expect(hint(strict: false) == nil)
    #expect(hint(of: Failure("receive", errno: .connectionReset)) == nil)
    #expect(hint(of: Failure("receive", kind: .usage)) == nil)
    #expect(hint(of: .stopped("receive")) == nil)
    #expect(hint(of: Failure("receive", reason: "late", hint: "wait")) == "wait")
  }

  @Test("of two flows with plain bytes, the first one explains the frame that ended the run")
  func explainsFirst() {
    let streams = [
      Verdict.Stream(flow: 0, figures(device: 500)),
      Verdict.Stream(flow: 1, figures(plain: 1), arrival: .otherQueue(1)),
      Verdict.Stream(flow: 2, figures(plain: 1), arrival: .otherQueue(2)),
    ]
    let verdict = Verdict(
      of: .failure(Failure("receive", reason: "plain")), streams, demands(strict: true))
    #expect(verdict.failure?.hint?.hasPrefix("the flow comes through queue 1,") == true)
  }

  @Test("where nothing was refused, the hint is what the sender has to do; payload needs none")
  func hintsAtRefusal() {
    func hint(device: Int) -> String? {
      Verdict(
        of: .success(()), [Verdict.Stream(figures(device: device))], demands(refused: true)
      ).failure?.hint
    }
    #expect(hint(device: 0) == "-U 1 with -a 0 needs a sender that sends something")
    #expect(hint(device: 1) == nil)
  }

  @Test("what the peer found counts only where this end found nothing")
  func hearsPeer() {
    let peers = Failure("accept the flows", reason: "the sender failed")
    var good = Verdict(of: .success(()), [Verdict.Stream(figures(device: 1))], demands())
    good.add(nil)
    #expect(good.failure == nil)
    good.add(peers)
    #expect(good.failure?.reason == peers.reason)
    var bad = Verdict(of: .success(()), [Verdict.Stream(figures(device: 1, wrong: 1))], demands())
    bad.add(peers)
    #expect(bad.failure?.reason == "1 of 1 bytes are wrong")
  }

  @Test("where most bytes are wrong, the hint is what the sender has to send")
  func hintsAtSender() {
    func hint(wrong: Int) -> String? {
      var counted = figures(device: 1000, wrong: wrong)
      counted.checkedBytes = 1000
      return Verdict(of: .success(()), [Verdict.Stream(counted)], demands()).failure?.hint
    }
    #expect(hint(wrong: 500) == nil)
    #expect(
      hint(wrong: 501)?.hasPrefix("-v 7 expects bytes of the values 1 to 6, not digits") == true)
  }
}
