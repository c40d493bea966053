// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Options

extension Configuration.Target {
  /// Prints a warning where each queue gets so little memory that the driver waits for more.
  func warnOfLittleMemory(for queues: Range<UInt32>, of interface: borrowing Interface) {
    guard let byteCount = memory.byteCount, let least = interface.leastMemoryPerQueue,
      byteCount / max(1, queues.count) < least
    else { return }
    Diagnostics.print(
      "warning: \(interface.driver) wants \(least / 1024) KiB for each queue, \(queues.count) in all, "
        + "and waits 20 s at each start of one that has less: raise --memory-size")
  }
}
