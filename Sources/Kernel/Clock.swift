// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A point on the monotonic clock (`CLOCK_MONOTONIC`).
package struct Instant: InstantProtocol, Sendable {
  private let nanoseconds: Int64

  private init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The present time.
  package static var now: Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }

  /// Whether one point comes before another.
  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The point that lies a duration later; the last point of the clock if it would lie beyond that.
  package func advanced(by duration: Duration) -> Instant {
    let (sum, overflows) = nanoseconds.addingReportingOverflow(duration.nanoseconds)
    return Instant(nanoseconds: overflows ? .max : sum)
  }

  /// How much time passes from this point to another; negative if that is earlier.
  package func duration(to other: Instant) -> Duration {
    .nanoseconds(other.nanoseconds - nanoseconds)
  }

  /// How much time has passed since an earlier point.
  package func since(_ earlier: Instant) -> Duration { earlier.duration(to: self) }

  /// Milliseconds until this point, rounded up; 0 once it has passed. `poll` takes its timeout in
  /// this form.
  package var millisecondsLeft: CInt {
    let left = nanoseconds - Instant.now.nanoseconds
    return CInt(clamping: left <= 0 ? 0 : (left - 1) / 1_000_000 + 1)
  }
}

extension Duration {
  /// The duration in seconds.
  package var inSeconds: Double { Double(nanoseconds) / 1e9 }

  /// The duration in nanoseconds, clamped to 64 bits.
  package var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowsToo) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    guard !overflows, !overflowsToo else { return seconds < 0 ? .min : .max }
    return sum
  }
}

/// Lets time pass, also when signals come meanwhile. The corresponding C function is `nanosleep`.
package func pause(for duration: Duration) {
  let end = Instant.now.advanced(by: duration)
  while case let left = Instant.now.duration(to: end).nanoseconds, left > 0 {
    var rest = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
    unsafe _ = nanosleep(&rest, nil)
  }
}

/// CPU time that the process has used. The corresponding C function is `getrusage` with
/// `RUSAGE_SELF`.
package struct CPUTime: Sendable {
  /// Time in user mode.
  package let user: Duration
  /// Time in the kernel.
  package let system: Duration

  /// CPU time in both modes.
  package init(user: Duration, system: Duration) {
    self.user = user
    self.system = system
  }

  /// What the process has used so far.
  package static var now: CPUTime {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return CPUTime(user: duration(usage.ru_utime), system: duration(usage.ru_stime))
  }

  /// What the calling thread has used so far, in both modes (`CLOCK_THREAD_CPUTIME_ID`).
  package static var ofThread: Duration { .nanoseconds(read(CLOCK_THREAD_CPUTIME_ID)) }

  /// What another thread has used so far, by its clock; `nil` if it has ended.
  static func of(_ clock: clockid_t) -> Duration? {
    var time = timespec()
    guard unsafe clock_gettime(clock, &time) == 0 else { return nil }
    return .nanoseconds(nanoseconds(of: time))
  }

  /// CPU time used since an earlier reading.
  package func since(_ earlier: CPUTime) -> CPUTime {
    CPUTime(user: user - earlier.user, system: system - earlier.system)
  }

  private static func duration(_ time: timeval) -> Duration {
    .seconds(time.tv_sec) + .microseconds(time.tv_usec)
  }
}

private func read(_ clock: clockid_t) -> Int64 {
  var time = timespec()
  unsafe clock_gettime(clock, &time)
  return nanoseconds(of: time)
}

private func nanoseconds(of time: timespec) -> Int64 {
  Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

extension Duration? {
  /// The limit that `--timeout` sets, as messages name it; in whole seconds.
  package var asTimeout: String { "\(self?.components.seconds ?? 0) s (--timeout)" }
}
