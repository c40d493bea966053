// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Testing

/// Each test blocks the signals of a process of its own.
struct StopSignalsTests {
  @Test("the three signals are taken")
  func takes() async {
    await #expect(processExitsWith: .success) {
      let signals = try StopSignals()
      for number in [SIGINT, SIGTERM, SIGHUP] {
        raise(number)
        #expect(signals.take() == number)
      }
      #expect(signals.take() == nil)
    }
  }

  @Test("a signal that was ignored stays ignored", arguments: [SIGINT, SIGTERM, SIGHUP])
  func ignored(number: CInt) async {
    await #expect(processExitsWith: .success) { [number] in
      _ = signal(number, SIG_IGN)
      let signals = try StopSignals()
      raise(number)
      #expect(signals.take() == nil)
      for other in [SIGINT, SIGTERM, SIGHUP] where other != number {
        raise(other)
        #expect(signals.take() == other)
      }
    }
  }
}
