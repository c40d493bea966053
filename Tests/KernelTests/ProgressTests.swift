// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Synchronization
import TestSupport
import Testing

private let erasure = "\r\u{1b}[K"

/// Each test has a process of its own: signals and the standard error are the process's.
struct ProgressTests {
  @Test("on a terminal, a text is below all lines, and gone at the end")
  func showsBelowLines() async {
    await #expect(processExitsWith: .success) {
      let screen = try Pseudoterminal()
      screen.becomeStandardError()
      do {
        let progress = try Progress("looking", isDrawn: true)
        progress.note("setting up")
        #expect(try screen.contents() == "\(erasure)setting up")
        Diagnostics.print("a line")
        #expect(try screen.contents() == "\(erasure)a line\r\nsetting up")
        let count = Counter()
        progress.note { isRewritten in
          Progress.Text("\(count.next()), \(isRewritten)", isAlarming: true)
        }
        // Every wait shows it, several times a second.
        #expect(
          try !Wait(showing: progress).limited(to: .milliseconds(500)).for(
            Descriptor(-1), to: "wait"))
        let drawn = try screen.contents()
        #expect(drawn.hasPrefix("\(erasure)\u{1b}[31m1, true\u{1b}[m"), "\(drawn.debugDescription)")
        #expect(drawn.contains("\(erasure)\u{1b}[31m2, true\u{1b}[m"), "\(drawn.debugDescription)")
      }
      #expect(try screen.contents() == erasure)
      Diagnostics.print("the end")
      #expect(try screen.contents() == "the end\r\n")
    }
  }

  @Test("a text is cut to the terminal's width, and has no colour where none is wanted")
  func fits() async {
    await #expect(processExitsWith: .success) {
      let screen = try Pseudoterminal(columns: 10)
      screen.becomeStandardError(["TERM": "xterm", "NO_COLOR": "1"])
      Diagnostics.show(Progress.Text("0123456789", isAlarming: true))
      #expect(try screen.contents() == "\(erasure)012345678")
    }
  }

  @Test(
    "nothing is rewritten where nobody can see it, or wants to",
    arguments: ["dumb", "", "quiet", "pipe"])
  func isSilent(reason: String) async {
    await #expect(processExitsWith: .success) { [reason] in
      StopSignals.ignoreBrokenPipes()
      let screen = try Pseudoterminal()
      let pipe = try Pipe()
      screen.becomeStandardError(["TERM": ["dumb", ""].contains(reason) ? reason : "xterm"])
      if reason == "quiet" { Diagnostics.beQuiet() }
      if reason == "pipe" { dup2(pipe.writer.rawValue, STDERR_FILENO) }
      let progress = try Progress("looking", isDrawn: true)
      progress.note("setting up")
      #expect(
        try !Wait(showing: progress).limited(to: .milliseconds(300)).for(
          Descriptor(-1), to: "wait"))
      Diagnostics.inform("what is done")
      Diagnostics.print("what is wrong")
      let seen = try reason == "pipe" ? pipe.reader.textThatWaits() : screen.contents()
      let end = reason == "pipe" ? "\n" : "\r\n"
      let informed = reason == "quiet" ? "" : "what is done" + end
      #expect(seen == "\(informed)what is wrong\(end)", "\(seen.debugDescription)")
    }
  }

  @Test("SIGUSR1 has a line printed, also in the midst of a wait and with --quiet")
  func answers() async {
    await #expect(processExitsWith: .success) {
      StopSignals.ignoreBrokenPipes()
      let pipe = try Pipe()
      dup2(pipe.writer.rawValue, STDERR_FILENO)
      Diagnostics.beQuiet()
      let progress = try Progress("looking", isDrawn: true)
      progress.note { isRewritten in Progress.Text("rewritten: \(isRewritten)") }
      raise(SIGUSR1)
      raise(SIGUSR1)
      let wait = Wait(showing: progress)
      try wait.check("receive")
      #expect(try pipe.reader.textThatWaits() == "rewritten: false\n")
      let own = pthread_self()
      let waiting = try Thread {
        pause(for: .milliseconds(50))
        pthread_kill(own, SIGUSR1)
      }
      #expect(try !wait.limited(to: .milliseconds(200)).for(Descriptor(-1), to: "wait"))
      waiting.join()
      #expect(try pipe.reader.textThatWaits() == "rewritten: false\n")
      raise(SIGUSR1)
      var set = PollSet([])
      #expect(try !set.wait(wait.ending(at: .now), to: "wait"))
      #expect(try pipe.reader.textThatWaits() == "rewritten: false\n")
    }
  }

  @Test("a process that found SIGUSR1 ignored ignores it")
  func ignores() async {
    await #expect(processExitsWith: .success) {
      StopSignals.ignoreBrokenPipes()
      let pipe = try Pipe()
      dup2(pipe.writer.rawValue, STDERR_FILENO)
      _ = signal(SIGUSR1, SIG_IGN)
      let progress = try Progress("looking", isDrawn: true)
      raise(SIGUSR1)
      try Wait(showing: progress).check("receive")
      Diagnostics.print("nothing before")
      #expect(try pipe.reader.textThatWaits() == "nothing before\n")
    }
  }

  @Test("news of a watch still come each second where the line is rewritten")
  func watchesOn() async {
    await #expect(processExitsWith: .success) {
      let screen = try Pseudoterminal()
      screen.becomeStandardError()
      let progress = try Progress("looking", isDrawn: true)
      let watch = try CountingWatch()
      let wait = Wait(watching: watch, showing: progress)
      #expect(try !wait.limited(to: .milliseconds(2500)).for(Descriptor(-1), to: "wait"))
      #expect(watch.looks.next() == 3)
    }
  }
}

/// A watch without news.
private final class CountingWatch: Watch {
  private let event: Event
  let looks = Counter()

  init() throws(Errno) { event = try Event() }

  var descriptor: Descriptor { event.descriptor }

  func look() { _ = looks.next() }
}

/// Counts from 1.
private final class Counter: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock {
      $0 += 1
      return $0
    }
  }
}
