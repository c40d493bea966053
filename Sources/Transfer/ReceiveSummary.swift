// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The result of a receiving run, reported once at its end.
package struct ReceiveSummary {
  /// What the loop counted.
  package let statistics: ReceiveStatistics
  /// Bytes that were compared with a pattern.
  package let checkedBytes: Int
  /// Bytes that were not what the pattern has in their place; `nil` without a pattern.
  package let wrongBytes: Int?
  /// From the connection to the end of the stream.
  let duration: Duration
  /// Of the whole process.
  let cpu: CPUTime

  /// Gathers what a run did.
  package init(
    statistics: ReceiveStatistics, checkedBytes: Int, wrongBytes: Int?, duration: Duration,
    cpu: CPUTime
  ) {
    self.statistics = statistics
    self.checkedBytes = checkedBytes
    self.wrongBytes = wrongBytes
    self.duration = duration
    self.cpu = cpu
  }

  private var seconds: Double { duration.inSeconds }

  private var rate: Double { mebibytesPerSecond(statistics.totalBytes, in: duration) }

  /// One line for people.
  package var text: String {
    """
    received \(statistics.totalBytes) bytes in \(seconds.formatted(3)) s \
    (\(rate.formatted(1)) MiB/s): \(statistics.deviceBytes) in device memory \
    (\(statistics.fragments) fragments), \(statistics.linearBytes) linear, \
    \(statistics.plainBytes) plain; \(statistics.tokensReturned) tokens returned in \
    \(statistics.returnCalls) calls, \(statistics.receiveCalls) calls of recvmsg; \(sample)\
    CPU \(cpu.user.inSeconds.formatted(3)) s user, \(cpu.system.inSeconds.formatted(3)) s system
    """
  }

  /// How much was checked, where it was not all.
  private var sample: String {
    guard wrongBytes != nil, checkedBytes < statistics.totalBytes else { return "" }
    return "\(checkedBytes) bytes checked; "
  }

  /// The members of the run's document.
  package var figures: JSONObject {
    var object = JSONObject()
    object.add("bytes", statistics.totalBytes)
    object.add("device_bytes", statistics.deviceBytes)
    object.add("linear_bytes", statistics.linearBytes)
    object.add("plain_bytes", statistics.plainBytes)
    object.add("fragments", statistics.fragments)
    object.add("tokens_returned", statistics.tokensReturned)
    object.add("dontneed_calls", statistics.returnCalls)
    object.add("recvmsg_calls", statistics.receiveCalls)
    if let wrongBytes {
      object.add("checked_bytes", checkedBytes)
      object.add("wrong_bytes", wrongBytes)
    }
    object.add("seconds", seconds, decimals: 6)
    object.add("mebibytes_per_second", rate, decimals: 3)
    object.add("user_cpu_seconds", cpu.user.inSeconds, decimals: 6)
    object.add("system_cpu_seconds", cpu.system.inSeconds, decimals: 6)
    return object
  }
}
