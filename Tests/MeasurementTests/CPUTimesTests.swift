// SPDX-License-Identifier: GPL-2.0-only

import Measurement
import Testing

struct CPUTimesTests {
  /// A line of `/proc/stat` with these columns.
  private func times(_ columns: String) throws -> CPUTimes {
    try #require(CPUTimes.parse("cpu  9 9 9 9 9 9 9 9 9 9\ncpu3 \(columns)\nintr 1\n")[3])
  }

  @Test("the lines of single CPUs are read, whatever else there is")
  func parses() {
    let text = """
      cpu  2 2 2 2 2 2 2 0 0 0
      cpu0 1 2 3 4 5 6 7 8 9 10
      cpu12 7 6 5 4 3 2 1
      cpu13 7 6 5 4 3 2
      cpux 1 2 3 4 5 6 7
      cpu14 7 6 5 4 3 -2 1
      cpu15 7 6 5 9223372036854775807 3 2 1
      intr 12345
      """
    let all = CPUTimes.parse(text)
    #expect(all.keys.sorted() == [0, 12])
    #expect(all[0]?.user == 3)
    #expect(all[0]?.idle == 4)
    #expect(all[12]?.softInterrupts == 1)
  }

  @Test(
    "idle is a share of user, nice, system, idle, iowait, irq and softirq, as kperf has it",
    arguments: [
      // Waiting for I/O is not idling; what the host steals does not count.
      ("0 0 0 0 0 0 0 0 0 0", "10 10 10 50 10 5 5 900 90 9", 5000),
      ("5 5 5 100 5 5 5", "5 5 5 200 5 5 5", 10000),
      ("5 5 5 100 5 5 5", "6 5 5 101 6 5 5", 3333),
      ("0 0 0 7 0 0 0", "0 0 9 7 0 0 0", 0),
      // The kernel took a tick of idling back.
      ("0 0 0 7 0 0 0", "0 0 9 6 0 0 0", 0),
    ])
  func counts(before: String, after: String, expected: Int) throws {
    #expect(try times(after).idleHundredths(since: try times(before)) == expected)
  }

  @Test("where no tick has passed there is no share")
  func knowsNothing() throws {
    let now = try times("1 2 3 4 5 6 7")
    #expect(now.idleHundredths(since: now) == nil)
  }

  @Test("this host's CPUs are read")
  func readsHost() throws { #expect(try !CPUTimes.now().isEmpty) }
}

struct WorkerPlacementTests {
  @Test(
    "workers go near the NIC, off its interrupts, and share CPUs only where they must",
    arguments: [
      (4, [4, 5, 6, 7], Set([0, 1, 2, 3])),
      (2, [1, 2], [0]),
      // A CPU of another node is better than one with interrupts, or than a shared one.
      (4, [3, 4, 5, 6], [0, 1, 2]),
      (3, [4, 5, 6], [0, 1, 2, 3]),
      (9, [1, 2, 3, 4, 5, 6, 7, 1, 2], [0]),
      // All take interrupts.
      (3, [0, 1, 2], [0, 1, 2, 3, 4, 5, 6, 7]),
    ] as [(Int, [Int], Set<Int>)])
  func chooses(count: Int, expected: [Int], interrupted: Set<Int>) {
    let chosen = WorkerPlacement.choose(
      count, from: Array(0..<8), near: [0, 1, 2, 3], interrupted: interrupted)
    #expect(chosen == expected)
  }

  @Test("without NUMA all CPUs are near; one CPU has to do for all")
  func choosesOnly() {
    #expect(
      WorkerPlacement.choose(2, from: [0, 1], near: nil, interrupted: [1]) == [0, 0])
    #expect(WorkerPlacement.choose(2, from: [5], near: nil, interrupted: [5]) == [5, 5])
    #expect(WorkerPlacement.choose(1, from: [5], near: [0], interrupted: []) == [5])
  }
}
