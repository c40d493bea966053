// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing
import Transfer

struct SilenceTests {
  /// Which limits a silence has until it is over, at most so many, and after which it is looked into.
  private func limits(
    upTo timeout: Duration?, looks: Bool
  ) -> (limits: [Duration?], looksAfter: [Int]) {
    var limits: [Duration?] = []
    var looksAfter: [Int] = []
    var silence = Silence(upTo: timeout)
    if looks { silence = Silence(upTo: timeout) { looksAfter.append(limits.count) } }
    repeat { limits.append(silence.limit) } while limits.count < 4 && silence.pass()
    return (limits, looksAfter)
  }

  @Test("a silence is looked into once, after half a minute of it or at its end")
  func looks() {
    let long = limits(upTo: .seconds(300), looks: true)
    #expect(long.limits == [.seconds(30), .seconds(270)])
    #expect(long.looksAfter == [1])
    let short = limits(upTo: .seconds(3), looks: true)
    #expect(short.limits == [.seconds(3)])
    #expect(short.looksAfter == [1])
    let endless = limits(upTo: nil, looks: true)
    #expect(endless.limits == [.seconds(30), nil, nil, nil])
    #expect(endless.looksAfter == [1])
  }

  @Test("a silence that nothing looks into is waited out in one piece")
  func doesNotLook() {
    #expect(limits(upTo: .seconds(300), looks: false).limits == [.seconds(300)])
    #expect(limits(upTo: .zero, looks: false).limits == [.zero])
  }

  @Test("what comes ends a silence: the next one may last as long")
  func ends() {
    var silence = Silence(upTo: .seconds(40)) {}
    let goesOn = silence.pass()
    #expect(goesOn)
    #expect(silence.limit == .seconds(10))
    silence.end()
    #expect(silence.limit == .seconds(40))
    let isOver = !silence.pass()
    #expect(isOver)
  }
}
