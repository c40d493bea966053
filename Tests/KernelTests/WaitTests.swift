// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import TestSupport
import Testing

struct WaitTests {
  @Test("a wait ends ready, stopped or too late")
  func waits() throws {
    let data = try Pipe()
    let stop = try Pipe()
    let wait = Wait(orStoppedBy: stop.reader.borrowed)
    #expect(
      try !wait.limited(to: .milliseconds(5)).for(data.reader.borrowed, to: "receive"))
    try data.write([1])
    #expect(try wait.for(data.reader.borrowed, to: "receive"))
    try wait.check("receive")
    try stop.write([1])
    let failure = try #require(
      failing { () throws(Failure) in try wait.for(data.reader.borrowed, to: "receive") })
    #expect(failure.kind == .stopped)
    #expect(failure.errno == nil)
    #expect(failure.operation == "receive")
    #expect(
      failing { () throws(Failure) in try wait.check("receive") }?.kind == .stopped)
  }

  @Test("a limit never puts the deadline off")
  func limits() throws {
    let deadline = Instant.now.advanced(by: .seconds(1))
    let wait = Wait(until: deadline)
    #expect(wait.limited(to: .seconds(100)).deadline == deadline)
    #expect(try #require(wait.limited(to: .milliseconds(1)).deadline) < deadline)
    #expect(wait.limited(to: nil).deadline == deadline)
    #expect(Wait().limited(to: nil).deadline == nil)
    #expect(!wait.isOver)
    #expect(Wait(until: .now).isOver)
    #expect(!Wait().isOver)
  }

  @Test("a pause lasts as long as it is to, unless the deadline or a stop comes first")
  func pauses() throws {
    let start = Instant.now
    try Wait().pause(for: .milliseconds(20), to: "pause")
    #expect(Instant.now.since(start) >= .milliseconds(20))
    try Wait(until: .now).pause(for: .seconds(60), to: "pause")
    let stop = try Pipe()
    try stop.write([1])
    let wait = Wait(orStoppedBy: stop.reader.borrowed)
    let failure = failing { () throws(Failure) in try wait.pause(for: .seconds(60), to: "pause") }
    #expect(failure?.kind == .stopped)
    #expect(Instant.now.since(start) < .seconds(30))
  }

  @Test("a set waits for several, and says which are ready")
  func waitsForSeveral() throws {
    let one = try Pipe()
    let two = try Pipe()
    let stop = try Pipe()
    var set = PollSet([one.reader.borrowed, two.reader.borrowed])
    let wait = Wait(orStoppedBy: stop.reader.borrowed)
    let look = wait.limited(to: .zero)
    var isAny = try set.wait(look, to: "look")
    #expect(!isAny)
    try two.write([1])
    isAny = try set.wait(wait, to: "look")
    #expect(isAny)
    var ready = (set.isReady(0), set.isReady(1))
    #expect(ready == (false, true))
    set.remove(1)
    isAny = try set.wait(look, to: "look")
    #expect(!isAny)
    ready.1 = set.isReady(1)
    #expect(!ready.1)
    try stop.write([1])
    let stopped = failing { () throws(Failure) in try set.wait(wait, to: "look") }
    #expect(stopped?.kind == .stopped)
  }

  @Test("a wait ends when its watch finds that the run cannot go on")
  func watches() throws {
    let data = try Pipe()
    let news = try Pipe()
    let watch = ScriptedWatch(newsOn: news.reader.borrowed)
    let wait = Wait().watching(watch)
    // News that change nothing are taken, and the wait goes on.
    try news.write([1])
    let isReady = try wait.limited(to: .milliseconds(5)).for(data.reader.borrowed, to: "receive")
    #expect(!isReady)
    #expect(watch.looks == 1)
    watch.isOver = true
    try wait.check("receive")
    #expect(watch.looks == 1)
    try data.write([1])
    try news.write([1])
    var set = PollSet([data.reader.borrowed])
    // The end comes before what is ready.
    for failure in [
      failing { () throws(Failure) in try wait.for(data.reader.borrowed, to: "receive") },
      failing { () throws(Failure) in try set.wait(wait, to: "receive") },
      failing { () throws(Failure) in try wait.check("receive") },
    ] { #expect(failure?.reason == "it is gone") }
  }

  @Test("a watch looks again, without news, while nothing comes")
  func looksAgain() throws {
    let data = try Pipe()
    let news = try Pipe()
    let watch = ScriptedWatch(newsOn: news.reader.borrowed)
    watch.isOver = true
    let wait = Wait(watching: watch).limited(to: .seconds(5))
    let failure = failing { () throws(Failure) in
      try wait.for(data.reader.borrowed, to: "receive")
    }
    #expect(failure?.reason == "it is gone")
    #expect(!wait.isOver)
  }

  @Test("a deadline that the clock cannot hold is never reached")
  func saturates() {
    let end = Instant.now.advanced(by: .seconds(Int64.max))
    #expect(end > .now)
    #expect(end.millisecondsLeft == .max)
    #expect(Duration.seconds(Int64.min).nanoseconds == .min)
    #expect(Duration.milliseconds(1500).inSeconds == 1.5)
  }
}
