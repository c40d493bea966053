// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Interface {
  /// The RX queues that accelerated receive flow steering may move plain flows to, past the RSS
  /// table: the queue whose interrupt the CPU of the flow's reader takes. It needs the feature
  /// `rx-ntuple-filter`, a table for all sockets, and one for each queue that a flow comes from or
  /// goes to (`net/core/dev.c`, `get_rps_cpu` and `set_rps_cpu`). Whether the driver takes part is
  /// not readable.
  ///
  /// - Parameter files: Where the kernel describes the tables.
  package mutating func queuesOfFlowSteering(
    in files: SystemFiles = SystemFiles()
  ) throws(Failure) -> Set<UInt32> {
    guard (files.number("/proc/sys/net/core/rps_sock_flow_entries") ?? 0) > 0 else { return [] }
    let directory = "/sys/class/net/\(name)/queues"
    var queues: Set<UInt32> = []
    for entry in files.names(in: directory) where entry.hasPrefix("rx-") {
      guard let queue = UInt32(entry.dropFirst(3)),
        (files.number("\(directory)/\(entry)/rps_flow_cnt") ?? 0) > 0
      else { continue }
      queues.insert(queue)
    }
    guard queues.count > 1 else { return [] }
    let isOn = try features().contains { $0.name == Feature.ntuple && $0.isActive }
    return isOn ? queues : []
  }

  /// What the user reads, and can do, where that may bring plain flows to queues that are to be
  /// bound: one line; `nil` where it cannot.
  package mutating func warningOfFlowSteering(
    to queues: Set<UInt32>, in files: SystemFiles = SystemFiles()
  ) throws(Failure) -> String? {
    guard let queue = try queuesOfFlowSteering(in: files).intersection(queues).min() else {
      return nil
    }
    return "RFS may steer plain flows to queue \(queue) of \(subject), to be lost there; "
      + "`echo 0 > /sys/class/net/\(name)/queues/rx-\(queue)/rps_flow_cnt` keeps them away"
  }
}
