// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// A flow rule as the kernel passes it. The corresponding C structure is `ethtool_rx_flow_spec`.
package struct FlowRule: Equatable, Sendable {
  /// Its place in the driver's table; `anywhere` until the driver has chosen one.
  package var location: UInt32
  /// `TCP_V4_FLOW` and the like, with the `FLOW_` flags.
  package let type: UInt32
  /// The values to match (`h_u` and `h_ext`).
  package let match: [UInt8]
  /// Which bits of them count (`m_u` and `m_ext`).
  package let mask: [UInt8]
  /// The queue and more, or `RX_CLS_FLOW_DISC`.
  package let ringCookie: UInt64
  /// The RSS context, with the flag `FLOW_RSS`; 0 without.
  package let context: UInt32

  /// `RX_CLS_LOC_ANY`.
  package static let anywhere = UInt32(RX_CLS_LOC_ANY)

  /// A rule for a TCP flow.
  package init(_ tuple: FlowTuple, to target: FlowTarget, location: UInt32 = anywhere) {
    let isV4 = tuple.destination.address.family == .v4
    let addressSize = tuple.destination.address.octets.count
    let flow = UInt32(isV4 ? TCP_V4_FLOW : TCP_V6_FLOW)
    func field(
      _ value: (FlowTuple.End) -> [UInt8]?, _ count: Int
    ) -> (match: [UInt8], mask: [UInt8]) {
      // Both specifications lay out source and destination address, then the two ports.
      let none = [UInt8](repeating: 0, count: count)
      let all = [UInt8](repeating: 0xff, count: count)
      let parts = [tuple.source, tuple.destination].map { end in
        end.flatMap(value).map { ($0, all) } ?? (none, none)
      }
      return (parts[0].0 + parts[1].0, parts[0].1 + parts[1].1)
    }
    let addresses = field({ $0.address.octets }, addressSize)
    let ports = field({ $0.port?.bigEndian.bytes }, 2)
    let rest = [UInt8](repeating: 0, count: Self.matchSize - 2 * addressSize - 4)
    match = addresses.match + ports.match + rest
    mask = addresses.mask + ports.mask + rest
    self.location = location
    switch target {
    case .queue(let queue):
      type = flow
      ringCookie = UInt64(queue)
      context = 0
    case .context(let id):
      type = flow | UInt32(FLOW_RSS)
      ringCookie = 0
      context = id
    }
  }

  /// Whether the location is one of the driver's table. The others ask the driver to choose one
  /// (`RX_CLS_LOC_SPECIAL` and above).
  package var hasPlace: Bool { location < UInt32(RX_CLS_LOC_SPECIAL) }

  /// The RX queue of this interface that the rule names, or what it adds to each queue of its
  /// context's table; `nil` where it drops or wakes, or is for a virtual function
  /// (`ethtool_get_flow_spec_ring`, `ethtool_get_flow_spec_ring_vf`).
  package var ring: UInt32? {
    ringCookie <= UInt64(UInt32.max) ? UInt32(truncatingIfNeeded: ringCookie) : nil
  }

  /// Whether the rule sends to an RSS context, which may be the main one.
  package var usesContext: Bool { type & UInt32(FLOW_RSS) != 0 }

  /// Whether another rule does the same, wherever it lies.
  package func isSame(as other: FlowRule) -> Bool {
    var other = other
    other.location = location
    return other == self
  }

  /// Whether a rule that the driver reports is this one: at its place, or anywhere where the driver
  /// was to choose that.
  func isReported(as other: FlowRule) -> Bool { hasPlace ? other == self : isSame(as: other) }

  /// Whether another rule is for the same flows, wherever it sends them.
  package func isForSameFlows(as other: FlowRule) -> Bool {
    let target = UInt32(FLOW_RSS)
    return type & ~target == other.type & ~target && match == other.match && mask == other.mask
  }

  /// The sizes of `h_u` and `h_ext`, which are those of `m_u` and `m_ext`.
  static let matchSize =
    MemoryLayout<ethtool_flow_union>.size + MemoryLayout<ethtool_flow_ext>.size
}

extension FlowRule {
  /// Reads a rule from the answer to `ETHTOOL_GRXCLSRULE`.
  init(_ request: ethtool_rxnfc) {
    let bytes = request.fs.bytes
    location = request.fs.location
    type = request.fs.flow_type
    match = Array(bytes[4..<4 + Self.matchSize])
    mask = Array(bytes[4 + Self.matchSize..<4 + 2 * Self.matchSize])
    ringCookie = request.fs.ring_cookie
    context = type & UInt32(FLOW_RSS) != 0 ? request.rss_context : 0
  }

  /// The rule as a request, behind its command.
  func request(command: CInt) -> ethtool_rxnfc {
    var request = ethtool_rxnfc(command: command)
    let padding = [UInt8](repeating: 0, count: MemoryLayout<ethtool_rx_flow_spec>.size)
    request.fs = ethtool_rx_flow_spec((type.bytes + match + mask + padding)[...])
    request.fs.ring_cookie = ringCookie
    request.fs.location = location
    request.rss_context = context
    return request
  }
}
