// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing
import Transfer

struct SummaryTests {
  private let cpu = CPUTime(user: .milliseconds(250), system: .milliseconds(1500))

  private var received: ReceiveStatistics {
    var statistics = ReceiveStatistics()
    statistics.deviceBytes = 3 << 20
    statistics.linearBytes = 2 << 20
    statistics.plainBytes = 1 << 20
    statistics.fragments = 4
    statistics.receiveCalls = 5
    statistics.tokensReturned = 6
    statistics.returnCalls = 7
    return statistics
  }

  private func summary(
    checked: Int = 0, wrong: Int? = nil, duration: Duration = .seconds(2)
  ) -> ReceiveSummary {
    ReceiveSummary(
      statistics: received, checkedBytes: checked, wrongBytes: wrong, duration: duration, cpu: cpu)
  }

  @Test("people read what was received in one line")
  func describesReceived() {
    #expect(
      summary().text == """
        received 6291456 bytes in 2.000 s (3.0 MiB/s): 3145728 in device memory (4 fragments), \
        2097152 linear, 1048576 plain; 6 tokens returned in 7 calls, 5 calls of recvmsg; \
        CPU 0.250 s user, 1.500 s system
        """)
  }

  @Test(
    "people read how much was checked only where it was not all",
    arguments: [
      (0, nil, ""), (6_291_456, 0, ""), (6_291_455, 0, "6291455 bytes checked; "),
      (0, 0, "0 bytes checked; "),
    ] as [(Int, Int?, String)])
  func describesSample(checked: Int, wrong: Int?, words: String) {
    #expect(
      summary(checked: checked, wrong: wrong).text.contains(" calls of recvmsg; \(words)CPU "))
  }

  @Test("programs read what was received, and what was wrong if anything was compared")
  func encodesReceived() {
    let head = #"""
      {"engine": "devmem", "bytes": 6291456, "device_bytes": 3145728, \#
      "linear_bytes": 2097152, "plain_bytes": 1048576, "mapped_bytes": 0, "fragments": 4, "tokens_returned": 6, "dontneed_calls": 7, \#
      "recvmsg_calls": 5, \#

      """#
    let tail = #"""
      "seconds": 2.000000, "mebibytes_per_second": 3.000, "user_cpu_seconds": 0.250000, \#
      "system_cpu_seconds": 1.500000}
      """#
    #expect(summary().figures.text == head + tail)
    #expect(
      summary(checked: 8, wrong: 9).figures.text
        == head + #""checked_bytes": 8, "wrong_bytes": 9, "# + tail)
  }

  @Test("no time is no rate")
  func dividesByNothing() {
    #expect(summary(duration: .zero).text.contains(" in 0.000 s (0.0 MiB/s)"))
    #expect(summary(duration: .zero).figures.text.contains(#""mebibytes_per_second": 0.000"#))
    #expect(sent(in: .zero).figures.text.contains(#""mebibytes_per_second": 0.000"#))
  }

  private func sent(in duration: Duration) -> SendSummary {
    var statistics = SendStatistics()
    statistics.bytes = 5 << 20
    statistics.sends = 1
    statistics.notices = 2
    statistics.completions = 3
    statistics.copied = 4
    statistics.backoffs = 6
    return SendSummary(statistics: statistics, duration: duration, cpu: cpu)
  }

  @Test("people read what was sent in one line")
  func describesSent() {
    #expect(
      sent(in: .milliseconds(2500)).text == """
        sent 5242880 bytes in 2.500 s (2.0 MiB/s) from device memory: 1 calls of sendmsg, \
        3 complete in 2 notices, 4 copied, 6 waits for notices; \
        CPU 0.250 s user, 1.500 s system
        """)
  }

  @Test("people read what a ring received, and what the kernel copied into it")
  func describesRing() {
    let text = ReceiveSummary(
      by: .zcrx, statistics: received, checkedBytes: 0, wrongBytes: nil, duration: .seconds(2),
      cpu: cpu
    ).text
    #expect(
      text.contains(
        ": 3145728 in the ring's memory, 1048576 copied there by the kernel; 4 pieces in 5 batches; "
      ))
  }

  @Test("people read what sockets copied and showed, and why they showed nothing")
  func describesSockets() {
    func text(_ engine: Engine, mapped: Int) -> String {
      var statistics = ReceiveStatistics()
      statistics.plainBytes = 8192
      statistics.mappedBytes = mapped
      statistics.receiveCalls = 3
      return ReceiveSummary(
        by: engine, statistics: statistics, checkedBytes: 0, wrongBytes: nil,
        duration: .seconds(1), cpu: cpu
      ).text
    }
    #expect(
      text(.socket, mapped: 0) == """
        received 8192 bytes in 1.000 s (0.0 MiB/s) through a socket, copied by 3 calls of recv; \
        CPU 0.250 s user, 1.500 s system
        """)
    #expect(
      text(.zerocopySocket, mapped: 4096).contains(
        " through a socket: 4096 in mapped pages, 4096 copied, 3 calls; CPU"))
    #expect(text(.zerocopySocket, mapped: 0).contains("the kernel maps whole pages only"))
    #expect(
      SendSummary(
        by: .socket, statistics: SendStatistics(), duration: .seconds(1), cpu: cpu
      ).text.contains(" from host memory: "))
  }

  @Test("programs read what was sent")
  func encodesSent() {
    #expect(
      sent(in: .milliseconds(2500)).figures.text == #"""
        {"engine": "devmem", "bytes": 5242880, "sendmsg_calls": 1, "completions": 3, "completion_notices": 2, \#
        "copied_sends": 4, "waits_for_notices": 6, "seconds": 2.500000, \#
        "mebibytes_per_second": 2.000, "user_cpu_seconds": 0.250000, \#
        "system_cpu_seconds": 1.500000}
        """#)
  }
}
