// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel
internal import Netlink

/// What a driver counted for one RX queue: since it was loaded, or, as with gve, since the queue was
/// last started. It may be out of date: bnxt's is up to 1.2 s old. The corresponding command is
/// `NETDEV_CMD_QSTATS_GET`. A driver need not count everything: `nil` where it doesn't.
package struct QueueStatistics: Equatable, Sendable {
  /// Packets received.
  package let packets: UInt64?
  /// Bytes received.
  package let bytes: UInt64?
  /// Packets lost because there was no memory for them: an empty page pool.
  package let allocationFailures: UInt64?
  /// Packets that the device dropped before the host saw them.
  package let drops: UInt64?

  /// States what a driver counted.
  package init(
    packets: UInt64? = nil, bytes: UInt64? = nil, allocationFailures: UInt64? = nil,
    drops: UInt64? = nil
  ) {
    self.packets = packets
    self.bytes = bytes
    self.allocationFailures = allocationFailures
    self.drops = drops
  }

  /// Reads one answer.
  ///
  /// - Throws: `EBADMSG` where a number has a width that no counter has.
  init(_ answer: Attributes) throws(Errno) {
    packets = try answer.uint(UInt16(CLinux_NETDEV_A_QSTATS_RX_PACKETS.rawValue))
    bytes = try answer.uint(UInt16(CLinux_NETDEV_A_QSTATS_RX_BYTES.rawValue))
    allocationFailures = try answer.uint(UInt16(CLinux_NETDEV_A_QSTATS_RX_ALLOC_FAIL.rawValue))
    drops = try answer.uint(UInt16(CLinux_NETDEV_A_QSTATS_RX_HW_DROPS.rawValue))
  }

  /// What was counted since an earlier reading.
  package func since(_ earlier: QueueStatistics) -> QueueStatistics {
    func difference(_ member: KeyPath<QueueStatistics, UInt64?>) -> UInt64? {
      guard let now = self[keyPath: member], let before = earlier[keyPath: member] else {
        return nil
      }
      return now &- before
    }
    return QueueStatistics(
      packets: difference(\.packets), bytes: difference(\.bytes),
      allocationFailures: difference(\.allocationFailures), drops: difference(\.drops))
  }

  /// What was counted for a queue between two readings of all; nothing where it is in neither.
  package static func counted(
    for queue: UInt32, from before: [UInt32: QueueStatistics], to after: [UInt32: QueueStatistics]
  ) -> QueueStatistics {
    guard let first = before[queue], let last = after[queue] else { return QueueStatistics() }
    return last.since(first)
  }
}
