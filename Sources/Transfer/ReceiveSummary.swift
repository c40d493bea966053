// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The result of a receiving run, reported once at its end.
package struct ReceiveSummary {
  /// What received.
  let engine: Engine
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
    by engine: Engine = .devmem, statistics: ReceiveStatistics, checkedBytes: Int, wrongBytes: Int?,
    duration: Duration,
    cpu: CPUTime
  ) {
    self.engine = engine
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
    (\(rate.formatted(1)) MiB/s)\(account); \(sample)\
    CPU \(cpu.user.inSeconds.formatted(3)) s user, \(cpu.system.inSeconds.formatted(3)) s system
    """
  }

  /// What became of the payload.
  private var account: String {
    switch engine {
    case .devmem:
      """
      : \(statistics.deviceBytes) in device memory (\(statistics.fragments) fragments), \
      \(statistics.linearBytes) linear, \(statistics.plainBytes) plain; \
      \(statistics.tokensReturned) tokens returned in \(statistics.returnCalls) calls, \
      \(statistics.receiveCalls) calls of recvmsg
      """
    case .zcrx:
      """
      : \(statistics.deviceBytes) in the ring's memory, \(statistics.plainBytes) copied there by \
      the kernel; \(statistics.fragments) pieces in \(statistics.receiveCalls) batches
      """
    case .socket:
      " through a socket, copied by \(statistics.receiveCalls) calls of recv"
    case .zerocopySocket:
      """
       through a socket: \(statistics.mappedBytes) in mapped pages, \
      \(statistics.plainBytes - statistics.mappedBytes) copied, \
      \(statistics.receiveCalls) calls\(statistics.mappedBytes == 0 ? Self.reasons : "")
      """
    }
  }

  /// Why the kernel shows no page (`net/ipv4/tcp.c`, `can_map_frag`).
  private static let reasons =
    " (the kernel maps whole pages only: split headers off, and have segments of whole pages, such "
    + "as --mss \(pageSize + 12) with an MTU for it)"

  /// How much was checked, where it was not all.
  private var sample: String {
    guard wrongBytes != nil, checkedBytes < statistics.totalBytes else { return "" }
    return "\(checkedBytes) bytes checked; "
  }

  /// The members of the run's document.
  package var figures: JSONObject {
    var object = JSONObject()
    object.add("engine", engine.name)
    object.add("bytes", statistics.totalBytes)
    object.add("device_bytes", statistics.deviceBytes)
    object.add("linear_bytes", statistics.linearBytes)
    object.add("plain_bytes", statistics.plainBytes)
    object.add("mapped_bytes", statistics.mappedBytes)
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
