// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Testing

/// What came when some bytes have come through device memory, in fragments of 1 KiB.
private func received(_ bytes: Int, wrong: Int = 0) -> FlowFigures {
  var figures = FlowFigures()
  figures.deviceBytes = bytes
  figures.fragments = bytes / 1024
  figures.tokensReturned = bytes / 2048
  figures.checkedBytes = bytes / 4
  figures.wrongBytes = wrong
  return figures
}

private let mebibyte = 1 << 20

struct TransferProgressTests {
  @Test("a received stream shows amount, rate, time left, what was checked, and where it came")
  func receives() {
    var progress = TransferProgress(
      .receive, of: .stream, until: TransferProgress.Goal(bytes: 16 * mebibyte), isChecked: true)
    var figures = received(4 * mebibyte)
    figures.linearBytes = 3
    figures.plainBytes = 2048
    let text = progress.text(of: figures, after: .seconds(2), isRegular: false)
    #expect(
      text.text == """
        received 4.0 MiB of 16.0 MiB, 2.0 MiB/s on average, 6 s left, \
        0 wrong in 1.0 MiB checked, device 4.0 MiB, linear 3 B, plain 2.0 KiB, 2048 tokens out
        """)
    #expect(!text.isAlarming)
    let wrong = progress.text(of: received(1, wrong: 1), after: .seconds(2), isRegular: false)
    #expect(wrong.isAlarming)
    #expect(wrong.text.contains(", 1 wrong in "))
  }

  @Test("the present rate is that of the last second")
  func forgets() {
    var progress = TransferProgress(.send, of: .stream, until: TransferProgress.Goal())
    var rates: [String] = []
    // 1 MiB/s for two seconds, then nothing for two.
    for fifth in 1...20 {
      var figures = FlowFigures()
      figures.deviceBytes = min(fifth, 10) * mebibyte / 5
      let text = progress.text(
        of: figures, after: .milliseconds(200 * fifth), isRegular: true
      ).text
      rates.append(String(text.split(separator: ", ")[1]))
    }
    #expect(rates[0..<10] == ArraySlice(repeating: "1.0 MiB/s now", count: 10))
    #expect(rates[12] == "0.4 MiB/s now")
    #expect(rates[14...] == ArraySlice(repeating: "0.0 MiB/s now", count: 6))
  }

  @Test("what is left goes by the clock, or by the bytes and their rate, where either is known")
  func leaves() {
    func text(_ goal: TransferProgress.Goal, _ bytes: Int, after seconds: Int) -> String {
      var progress = TransferProgress(.send, of: .flows, until: goal)
      var figures = FlowFigures()
      figures.plainBytes = bytes
      return progress.text(of: figures, after: .seconds(seconds), isRegular: false).text
    }
    let timed = TransferProgress.Goal(duration: .seconds(10))
    #expect(
      text(timed, 500_000_000, after: 4) == "sent 476.8 MiB, 1.000 Gbit/s on average, 6 s left")
    #expect(text(timed, 0, after: 11) == "sent 0 B, 0.000 Gbit/s on average, 0 s left")
    let sized = TransferProgress.Goal(bytes: 1 << 40)
    #expect(text(sized, 0, after: 1) == "sent 0 B of 1.0 TiB, 0.000 Gbit/s on average")
    #expect(text(sized, 1, after: 1) == "sent 1 B of 1.0 TiB, 0.000 Gbit/s on average")
    #expect(
      text(sized, (1 << 40) - 1, after: 10).hasPrefix("sent 1.0 TiB of 1.0 TiB, 879.609 Gbit/s"))
    #expect(text(TransferProgress.Goal(), 1023, after: 0) == "sent 1023 B, 0.000 Gbit/s on average")
  }

  @Test("an agreement's end is a time, or the bytes of all flows")
  func agrees() {
    #expect(
      Agreement(flows: 3, bytesPerFlow: 5).goal == TransferProgress.Goal(bytes: 15))
    #expect(
      Agreement(flows: 3, duration: .seconds(3), omitting: .seconds(2)).goal
        == TransferProgress.Goal(duration: .seconds(5)))
    #expect(Agreement(flows: 1024, bytesPerFlow: .max).goal == TransferProgress.Goal())
  }
}
