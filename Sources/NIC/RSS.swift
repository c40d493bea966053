// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
internal import Netlink

/// An interface's RSS settings: how it distributes flows to its queues. The corresponding C
/// structure is `ethtool_rxfh`.
package struct RSS: Equatable, Sendable {
  /// The indirection table: for each hash value, modulo the table's size, a queue.
  package var table: [UInt32]
  /// The hash key; empty where the driver does not report one.
  package var key: [UInt8]
  /// The hash function, one bit of `ETH_RSS_HASH_*`; 0 where the driver does not report it.
  package var function: UInt8
  /// What the hash's input goes through first, bits of `RXH_XFRM_*`.
  package var transform: UInt8

  /// Settings, of which a driver reports at least the table.
  package init(table: [UInt32], key: [UInt8] = [], function: UInt8 = 0, transform: UInt8 = 0) {
    self.table = table
    self.key = key
    self.function = function
    self.transform = transform
  }

  /// Whether the table is the one that the kernel makes where none was configured: all queues in
  /// turn (`ethtool_rxfh_indir_default`).
  package func isDefault(queueCount: UInt32) -> Bool {
    queueCount > 0
      && table.enumerated().allSatisfy { index, queue in queue == UInt32(index) % queueCount }
  }

  /// Whether others have the same key, hash function and input transformation.
  package func hasSameHash(as other: RSS) -> Bool {
    key == other.key && function == other.function && transform == other.transform
  }

  /// The first entry of the table that names one of some queues; `nil` where none does.
  package func firstEntry(naming queues: Set<UInt32>) -> Int? {
    table.firstIndex { queues.contains($0) }
  }
}

extension Interface {
  /// The main RSS settings, not those of further contexts. The corresponding command is
  /// `ETHTOOL_GRSSH`.
  package mutating func rss() throws(Failure) -> RSS {
    try rss(ofContext: 0, "read the RSS table of")
  }

  /// Reads one context's settings; 0 is the main one.
  mutating func rss(
    ofContext id: UInt32, _ operation: String
  ) throws(Failure) -> RSS {
    var head = CLinux_ethtool_rxfh(command: ETHTOOL_GRSSH)
    head.rss_context = id
    head = try perform(head, operation)
    try checkCount(head.indir_size, of: "entries of the table", operation)
    try checkCount(head.key_size, of: "bytes of the key", operation)
    // With the sizes filled in, the kernel writes the table and the key behind the head.
    let headSize = MemoryLayout<CLinux_ethtool_rxfh>.size
    let tableEnd = headSize + Int(head.indir_size) * 4
    let keyEnd = tableEnd + Int(head.key_size)
    var request = head.bytes + [UInt8](repeating: 0, count: keyEnd - headSize)
    try perform(&request, operation)
    let answer = CLinux_ethtool_rxfh(request[...])
    return RSS(
      table: [UInt32](inHostOrder: request[headSize..<tableEnd]),
      key: Array(request[tableEnd..<keyEnd].prefix(Int(answer.key_size))),
      function: answer.hfunc, transform: answer.input_xfrm)
  }

  /// Writes the main table and nothing else. The corresponding command is `ETHTOOL_SRSSH`.
  package mutating func setRSSTable(_ table: [UInt32]) throws(Failure) {
    var head = Self.unchangedRSS
    head.indir_size = UInt32(table.count)
    var request = head.bytes + table.flatMap(\.bytes)
    try perform(&request, "set the RSS table of", hint: Self.tableHint)
  }

  /// Makes the kernel forget that the main table was configured: it becomes the default one, and
  /// follows the number of queues.
  package mutating func resetRSSTable() throws(Failure) {
    var head = Self.unchangedRSS
    head.indir_size = 0
    var request = head.bytes
    try perform(&request, "reset the RSS table of", hint: Self.tableHint)
  }

  /// Writes the main key, hash function and input transformation, and leaves the table. The
  /// corresponding command is `ETHTOOL_SRSSH`.
  package mutating func setRSSHash(like rss: RSS) throws(Failure) {
    var head = Self.unchangedRSS
    head.key_size = UInt32(rss.key.count)
    head.hfunc = rss.function
    head.input_xfrm = rss.transform
    var request = head.bytes + rss.key
    try perform(&request, "set the RSS hash of")
  }

  private static let tableHint =
    "set RSS up by hand (`ethtool -X`) and run with -n"

  /// A request to change nothing. No hash function (0) means to keep it.
  static var unchangedRSS: CLinux_ethtool_rxfh {
    var head = CLinux_ethtool_rxfh(command: ETHTOOL_SRSSH)
    head.indir_size = CLinux_ETH_RXFH_INDIR_NO_CHANGE
    head.input_xfrm = CLinux_RXH_XFRM_NO_CHANGE
    return head
  }
}
