// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing
import Transfer

/// Notes when it is asked.
private final class Witness: SilenceWitness {
  var looks: [Bool] = []

  func look(isFirst: Bool) { looks.append(isFirst) }

  func hint() -> String { "looked \(looks.count) times" }
}

struct SilenceTests {
  /// Which limits a silence has until it is over, at most so many, and which looks were first ones.
  private func limits(
    upTo timeout: Duration?, isWatched: Bool = true
  ) -> (limits: [Duration?], looks: [Bool]) {
    var limits: [Duration?] = []
    let witness = Witness()
    var silence = Silence(upTo: timeout, watchedBy: isWatched ? witness : nil)
    repeat { limits.append(silence.limit) } while limits.count < 5 && silence.pass()
    return (limits, witness.looks)
  }

  @Test("a silence is looked into twice if it is long, and after a quarter of it if it is short")
  func looks() {
    let long = limits(upTo: .seconds(300))
    #expect(long.limits == [.seconds(30), .seconds(30), .seconds(240)])
    #expect(long.looks == [true, false])
    let minute = limits(upTo: .seconds(60))
    #expect(minute.limits == [.seconds(15), .seconds(45)])
    #expect(minute.looks == [true])
    let short = limits(upTo: .seconds(4))
    #expect(short.limits == [.seconds(1), .seconds(3)])
    #expect(short.looks == [true])
    let endless = limits(upTo: nil)
    #expect(endless.limits == [.seconds(30), .seconds(30), nil, nil, nil])
    #expect(endless.looks == [true, false])
  }

  @Test("a silence that nothing looks into is waited out in one piece")
  func doesNotLook() {
    #expect(limits(upTo: .seconds(300), isWatched: false).limits == [.seconds(300)])
    #expect(limits(upTo: .zero).limits == [.zero])
    #expect(limits(upTo: .zero).looks.isEmpty)
  }

  @Test("what comes ends a silence: the next one may last as long, and is looked into afresh")
  func ends() {
    let witness = Witness()
    var silence = Silence(upTo: .seconds(40), watchedBy: witness)
    let goesOn = silence.pass()
    #expect(goesOn)
    #expect(silence.limit == .seconds(30))
    silence.end()
    #expect(silence.limit == .seconds(10))
    let goesOnAgain = silence.pass()
    #expect(goesOnAgain)
    let isOver = !silence.pass()
    #expect(isOver)
    #expect(witness.looks == [true, true])
  }

  @Test("the failure for a silence has the witness's hint")
  func fails() {
    let silence = Silence(upTo: .seconds(40), watchedBy: Witness())
    let failure = silence.failure(of: "flow 2", before: " after 5 bytes")
    #expect(failure.errno == .timedOut)
    #expect(failure.subject == "flow 2")
    #expect(failure.reason == "no data for 40 s (--timeout) after 5 bytes")
    #expect(failure.hint == "looked 0 times")
    #expect(Silence(upTo: .seconds(1)).failure().hint == "is the peer still sending?")
  }
}
