// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
internal import Netlink

/// Whether the NIC puts TCP headers and payload into separate buffers. The corresponding C
/// constants begin with `ETHTOOL_TCP_DATA_SPLIT_`.
package enum HeaderSplit: UInt8, Sendable {
  /// As a setting: the driver's choice. As read: the driver does not report its split.
  case automatic = 0
  /// Headers and payload share buffers.
  case disabled = 1
  /// Headers and payload have buffers of their own.
  case enabled = 2
}

/// The ring parameters that matter here. The corresponding netlink attributes begin with
/// `ETHTOOL_A_RINGS_`.
package struct Rings: Equatable, Sendable {
  /// What the driver does, which need not be what was configured.
  package var split: HeaderSplit
  /// Payload of at most this many bytes stays with its headers (`hds-thresh`); `nil` where the
  /// driver has no such setting.
  package var threshold: UInt32?
  /// Entries of an RX ring; `nil` where the driver does not report it.
  package var receiveEntries: UInt32?
  /// Entries of a TX ring; `nil` where the driver does not report it.
  package var transmitEntries: UInt32?

  /// Ring parameters, of which a driver reports at least the split.
  package init(
    split: HeaderSplit, threshold: UInt32? = nil, receiveEntries: UInt32? = nil,
    transmitEntries: UInt32? = nil
  ) {
    self.split = split
    self.threshold = threshold
    self.receiveEntries = receiveEntries
    self.transmitEntries = transmitEntries
  }
}

private enum Attribute {
  static let header = UInt16(ETHTOOL_A_RINGS_HEADER)
  static let receiveEntries = UInt16(ETHTOOL_A_RINGS_RX)
  static let transmitEntries = UInt16(ETHTOOL_A_RINGS_TX)
  static let split = UInt16(ETHTOOL_A_RINGS_TCP_DATA_SPLIT)
  static let threshold = UInt16(CLinux_ETHTOOL_A_RINGS_HDS_THRESH.rawValue)
}

extension Interface {
  /// The corresponding command is `ETHTOOL_MSG_RINGS_GET`.
  package mutating func rings() throws(Failure) -> Rings {
    let request = request(ETHTOOL_MSG_RINGS_GET, header: Attribute.header)
    return try netlink.get(request, "read the ring parameters of", on: subject) {
      answer throws(Errno) in
      let split: UInt8 = try answer.integer(Attribute.split) ?? 0
      return Rings(
        split: HeaderSplit(rawValue: split) ?? .automatic,
        threshold: try answer.integer(Attribute.threshold),
        receiveEntries: try answer.integer(Attribute.receiveEntries),
        transmitEntries: try answer.integer(Attribute.transmitEntries))
    }
  }

  /// Sets the split. The corresponding command is `ETHTOOL_MSG_RINGS_SET`.
  ///
  /// - Throws: `EOPNOTSUPP` (of the kind `unsupported`) where the driver cannot set it, `EINVAL`
  ///   where it would not be enabled and a queue is bound to device memory, or where it would be
  ///   and single-buffer XDP is attached (`net/ethtool/rings.c`, `ethnl_set_rings`).
  package mutating func setHeaderSplit(_ split: HeaderSplit) throws(Failure) {
    try setRings("set tcp-data-split of") { $0.put(Attribute.split, split.rawValue) }
  }

  /// Sets the threshold, in bytes. The corresponding command is `ETHTOOL_MSG_RINGS_SET`.
  ///
  /// - Throws: As `setHeaderSplit`, with a threshold of 0 for an enabled split.
  package mutating func setSplitThreshold(_ threshold: UInt32) throws(Failure) {
    try setRings("set hds-thresh of") { $0.put(Attribute.threshold, threshold) }
  }

  private mutating func setRings(
    _ operation: String, _ fill: (inout Request) -> Void
  ) throws(Failure) {
    var request = request(ETHTOOL_MSG_RINGS_SET, header: Attribute.header)
    fill(&request)
    try set(request, operation)
  }
}
