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
  /// How large the rings are.
  package var sizes: RingSizes
  /// Entries of a further RX ring, whose buffers hold payload; `nil` where the driver has none.
  package var jumboEntries: UInt32?
  /// The size of the NIC's buffers in bytes (`rx-buf-len`); `nil` where the driver does not report
  /// it.
  package var bufferSize: UInt32?

  /// Ring parameters, of which a driver reports at least the split.
  package init(
    split: HeaderSplit, threshold: UInt32? = nil, sizes: RingSizes = RingSizes(),
    jumboEntries: UInt32? = nil, bufferSize: UInt32? = nil
  ) {
    self.split = split
    self.threshold = threshold
    self.sizes = sizes
    self.jumboEntries = jumboEntries
    self.bufferSize = bufferSize
  }
}

/// How many entries a ring has.
package struct RingSizes: Equatable, Sendable {
  /// Of an RX ring; `nil` where the driver does not report it.
  package var receive: UInt32?
  /// Of a TX ring; `nil` where the driver does not report it.
  package var transmit: UInt32?

  /// Sizes that a driver may or may not report.
  package init(receive: UInt32? = nil, transmit: UInt32? = nil) {
    self.receive = receive
    self.transmit = transmit
  }
}

private enum Attribute {
  static let header = UInt16(ETHTOOL_A_RINGS_HEADER)
  static let receiveEntries = UInt16(ETHTOOL_A_RINGS_RX)
  static let transmitEntries = UInt16(ETHTOOL_A_RINGS_TX)
  static let jumboEntries = UInt16(ETHTOOL_A_RINGS_RX_JUMBO)
  static let bufferSize = UInt16(ETHTOOL_A_RINGS_RX_BUF_LEN)
  static let split = UInt16(ETHTOOL_A_RINGS_TCP_DATA_SPLIT)
  static let threshold = UInt16(CLinux_ETHTOOL_A_RINGS_HDS_THRESH.rawValue)
}

extension Interface {
  /// The corresponding command is `ETHTOOL_MSG_RINGS_GET`.
  ///
  /// - Throws: `EOPNOTSUPP`, of the kind `unsupported` and with a hint, where the interface has no
  ///   rings, as a virtual one has none.
  package mutating func rings() throws(Failure) -> Rings {
    let request = request(ETHTOOL_MSG_RINGS_GET, header: Attribute.header)
    return try get(request, "read the ring parameters of", hintOfLack: ringsHint) {
      answer throws(Errno) in
      let split: UInt8 = try answer.integer(Attribute.split) ?? 0
      return Rings(
        split: HeaderSplit(rawValue: split) ?? .automatic,
        threshold: try answer.integer(Attribute.threshold),
        sizes: RingSizes(
          receive: try answer.integer(Attribute.receiveEntries),
          transmit: try answer.integer(Attribute.transmitEntries)),
        jumboEntries: try answer.integer(Attribute.jumboEntries),
        bufferSize: try answer.integer(Attribute.bufferSize))
    }
  }

  private var ringsHint: String {
    bindsLeasedQueues
      ? "run with -n, and set the physical NIC up in its network namespace"
      : "name the physical NIC (-f), not a device above it"
  }

  /// Sets the split, its threshold in bytes, or both in one request: a driver may take the rings
  /// down for each. The corresponding command is `ETHTOOL_MSG_RINGS_SET`.
  ///
  /// - Returns: Whether that is another configuration than before; `nil` where that is not known.
  /// - Throws: `EOPNOTSUPP` (of the kind `unsupported`) where the driver cannot set it, `EINVAL`
  ///   where the split would not be enabled, or the threshold not be 0, and a queue is bound to
  ///   device memory; and where the split would be enabled and single-buffer XDP is attached
  ///   (`net/ethtool/rings.c`, `ethnl_set_rings`).
  @discardableResult
  package mutating func setSplit(
    _ split: HeaderSplit?, threshold: UInt32? = nil
  ) throws(Failure) -> Bool? {
    _ = takeRingEvents()
    try setRings(split == nil ? "set hds-thresh of" : "set tcp-data-split of") {
      if let split { $0.put(Attribute.split, split.rawValue) }
      if let threshold { $0.put(Attribute.threshold, threshold) }
    }
    return takeRingEvents()
  }

  /// Sets the sizes of the rings. The corresponding command is `ETHTOOL_MSG_RINGS_SET`.
  ///
  /// - Throws: `EINVAL` where the rings cannot be so large.
  package mutating func setRingSizes(_ sizes: RingSizes) throws(Failure) {
    try setRings("set the ring sizes of") {
      if let entries = sizes.receive { $0.put(Attribute.receiveEntries, entries) }
      if let entries = sizes.transmit { $0.put(Attribute.transmitEntries, entries) }
    }
  }

  private mutating func setRings(
    _ operation: String, _ fill: (inout Request) -> Void
  ) throws(Failure) {
    var request = request(ETHTOOL_MSG_RINGS_SET, header: Attribute.header)
    fill(&request)
    try set(request, operation)
  }
}
