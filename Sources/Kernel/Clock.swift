// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A point on the monotonic clock (`CLOCK_MONOTONIC`), in nanoseconds.
package struct Instant: Comparable, Sendable {
  package let nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static var now: Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }

  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The point so many milliseconds later.
  package func advanced(milliseconds: Int) -> Instant {
    Instant(nanoseconds: nanoseconds + Int64(milliseconds) * 1_000_000)
  }

  /// Seconds that passed since an earlier point.
  package func seconds(since earlier: Instant) -> Double {
    Double(nanoseconds - earlier.nanoseconds) / 1e9
  }

  /// Milliseconds until this point, rounded up; 0 once it has passed. As `poll` wants its timeout.
  package var millisecondsLeft: CInt {
    let left = nanoseconds - Instant.now.nanoseconds
    return CInt(clamping: max(0, (left + 999_999) / 1_000_000))
  }
}

/// CPU time that the calling thread has used so far (`CLOCK_THREAD_CPUTIME_ID`), in nanoseconds.
package var threadCPUNanoseconds: Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

/// CPU time that the process has used so far, in seconds. The corresponding C function is
/// `getrusage` with `RUSAGE_SELF`.
package struct CPUTime: Sendable {
  package let user: Double
  package let system: Double

  package static var now: CPUTime {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return CPUTime(user: seconds(usage.ru_utime), system: seconds(usage.ru_stime))
  }

  /// CPU time used since an earlier reading.
  package func since(_ earlier: CPUTime) -> CPUTime {
    CPUTime(user: user - earlier.user, system: system - earlier.system)
  }

  private init(user: Double, system: Double) {
    self.user = user
    self.system = system
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }
}

private func read(_ clock: clockid_t) -> Int64 {
  var time = timespec()
  unsafe clock_gettime(clock, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
