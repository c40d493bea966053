// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The result of a sending run, reported once at its end.
package struct SendSummary {
  /// What sent.
  let engine: Engine
  let statistics: SendStatistics
  /// From the connection to the acknowledgement of the stream's end.
  let duration: Duration
  /// Of the whole process.
  let cpu: CPUTime

  /// Gathers what a run did.
  package init(
    by engine: Engine = .devmem, statistics: SendStatistics, duration: Duration, cpu: CPUTime
  ) {
    self.engine = engine
    self.statistics = statistics
    self.duration = duration
    self.cpu = cpu
  }

  private var seconds: Double { duration.inSeconds }

  private var rate: Double { mebibytesPerSecond(statistics.bytes, in: duration) }

  /// One line for people.
  package var text: String {
    """
    sent \(statistics.bytes) bytes in \(seconds.formatted(3)) s \
    (\(rate.formatted(1)) MiB/s) from \(engine.isSocket ? "host" : "device") memory: \
    \(statistics.sends) calls of sendmsg, \(statistics.completions) complete in \(statistics.notices) notices, \
    \(statistics.copied) copied, \(statistics.backoffs) waits for notices; \
    CPU \(cpu.user.inSeconds.formatted(3)) s user, \(cpu.system.inSeconds.formatted(3)) s system
    """
  }

  /// The members of the run's document.
  package var figures: JSONObject {
    var object = JSONObject()
    object.add("engine", engine.name)
    object.add("bytes", statistics.bytes)
    object.add("sendmsg_calls", statistics.sends)
    object.add("completions", statistics.completions)
    object.add("completion_notices", statistics.notices)
    object.add("copied_sends", statistics.copied)
    object.add("waits_for_notices", statistics.backoffs)
    object.add("seconds", seconds, decimals: 6)
    object.add("mebibytes_per_second", rate, decimals: 3)
    object.add("user_cpu_seconds", cpu.user.inSeconds, decimals: 6)
    object.add("system_cpu_seconds", cpu.system.inSeconds, decimals: 6)
    return object
  }
}
