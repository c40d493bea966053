// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// One counter of a driver's own, as `ethtool -S` prints it. Each driver chooses the names.
struct DriverCounter: Equatable {
  let name: String
  let value: UInt64
}

extension Interface {
  /// The driver's own counters, in its order; none where it has none. The corresponding commands are
  /// `ETHTOOL_GSTRINGS` and `ETHTOOL_GSTATS`.
  ///
  /// - Throws: `EAGAIN` where the driver changed their number meanwhile, as it does with its queues:
  ///   the kernel then writes none (`net/ethtool/ioctl.c`, `ethtool_get_stats`).
  mutating func driverCounters() throws(Failure) -> [DriverCounter] {
    let names = try strings(ETH_SS_STATS)
    guard !names.isEmpty else { return [] }
    var head = ethtool_stats(command: ETHTOOL_GSTATS)
    head.n_stats = UInt32(names.count)
    let size = MemoryLayout<UInt64>.size
    var request = head.bytes
    let start = request.count
    request += [UInt8](repeating: 0, count: names.count * size)
    let operation = "read the statistics of"
    try perform(&request, operation)
    guard ethtool_stats(request[...]).n_stats == head.n_stats else {
      throw refusal(operation, .tryAgain, reason: "the driver changed their number meanwhile")
    }
    return names.enumerated().compactMap { place, name in
      let value = request[(start + place * size)...].value(as: UInt64.self)
      return value.map { DriverCounter(name: name, value: $0) }
    }
  }
}
