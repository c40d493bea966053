// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// What a sending run came to, told once at its end.
struct SendSummary {
  let statistics: SendStatistics
  /// From the connection to the last completion.
  let seconds: Double
  let cpu: CPUTime

  private var mebibytesPerSecond: Double {
    seconds > 0 ? Double(statistics.bytes) / seconds / 1_048_576 : 0
  }

  /// One line for people.
  var text: String {
    """
    sent \(statistics.bytes) bytes in \(seconds.formatted(3)) s \
    (\(mebibytesPerSecond.formatted(1)) MiB/s) from device memory: \(statistics.sends) calls of \
    sendmsg, \(statistics.completions) complete in \(statistics.notices) notices, \
    \(statistics.copied) copied, \(statistics.backoffs) waits for notices; \
    CPU \(cpu.user.inSeconds.formatted(3)) s user, \(cpu.system.inSeconds.formatted(3)) s system
    """
  }

  /// One document for programs.
  var json: String {
    var object = JSONObject()
    object.add("bytes", statistics.bytes)
    object.add("sendmsg_calls", statistics.sends)
    object.add("completions", statistics.completions)
    object.add("completion_notices", statistics.notices)
    object.add("copied_sends", statistics.copied)
    object.add("waits_for_notices", statistics.backoffs)
    object.add("seconds", seconds, decimals: 6)
    object.add("mebibytes_per_second", mebibytesPerSecond, decimals: 3)
    object.add("user_cpu_seconds", cpu.user.inSeconds, decimals: 6)
    object.add("system_cpu_seconds", cpu.system.inSeconds, decimals: 6)
    return object.text
  }
}
