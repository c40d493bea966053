// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What a CPU has spent its time on since boot, in the kernel's clock ticks: a line of `/proc/stat`
/// without what a host of virtual machines adds to it.
package struct CPUTimes: Equatable, Sendable {
  /// User time, that of niced processes included.
  package let user: Int
  /// Time in the kernel.
  package let system: Int
  /// Time without anything to run.
  package let idle: Int
  /// Time without anything to run, while I/O was outstanding.
  package let ioWait: Int
  /// Time in interrupt handlers.
  package let interrupts: Int
  /// Time in softirqs.
  package let softInterrupts: Int

  /// Reads a CPU's columns: user, nice, system, idle, iowait, irq, softirq and more.
  init?(columns: some Collection<Substring>) {
    let ticks = columns.prefix(7).compactMap { Int($0) }
    guard ticks.count == 7, ticks.allSatisfy(Self.plausible.contains) else { return nil }
    user = ticks[0] + ticks[1]
    system = ticks[2]
    idle = ticks[3]
    ioWait = ticks[4]
    interrupts = ticks[5]
    softInterrupts = ticks[6]
  }

  /// At 100 ticks a second it takes 29000 years to count more: sums and shares fit into 64 bits.
  private static let plausible = 0...(Int.max / 100_000)

  /// Reads the lines of all CPUs that are online, by their numbers.
  package static func parse(_ text: String) -> [Int: CPUTimes] {
    var all: [Int: CPUTimes] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("cpu") {
      let words = line.split(separator: " ")
      // The line of all CPUs together has no number.
      guard let cpu = Int(words[0].dropFirst(3)) else { continue }
      all[cpu] = CPUTimes(columns: words.dropFirst())
    }
    return all
  }

  /// What all CPUs have spent their time on until now.
  package static func now() throws(Failure) -> [Int: CPUTimes] {
    try attempt("read", on: "/proc/stat") { () throws(Errno) in
      parse(try SystemFiles().contents(of: "/proc/stat"))
    }
  }

  private var total: Int { user + system + idle + ioWait + interrupts + softInterrupts }

  /// How much of the time since an earlier reading the CPU was idle, in hundredths of a percent,
  /// as kperf counts it: waiting for I/O is not idling. `nil` where no tick has passed.
  package func idleHundredths(since earlier: CPUTimes) -> Int? {
    let passed = total - earlier.total
    guard passed > 0 else { return nil }
    // The kernel's account of idling may go back by a tick (proc_stat(5)).
    return min(max(0, (idle - earlier.idle) * 10000 / passed), 10000)
  }
}
