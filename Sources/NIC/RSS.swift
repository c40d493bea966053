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

  /// The table of a further RSS context; `nil` where there is no such context. The corresponding
  /// command is `ETHTOOL_GRSSH`, which refuses a context that it does not know with `ENOENT`
  /// (`net/ethtool/ioctl.c`, `ethtool_get_rxfh`).
  package mutating func rssTable(ofContext id: UInt32) throws(Failure) -> [UInt32]? {
    do throws(Failure) {
      return try rss(ofContext: id, "read RSS context \(id) of").table
    } catch {
      guard error.errno == .noEntry else { throw error }
      return nil
    }
  }

  private mutating func rss(
    ofContext id: UInt32, _ operation: String
  ) throws(Failure) -> RSS {
    var head = CLinux_ethtool_rxfh(command: ETHTOOL_GRSSH)
    head.rss_context = id
    head = try perform(head, operation)
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

  /// The tables of the further RSS contexts, by context number. Their keys are not read: a context
  /// that shares the main key reports a key size of 0. The corresponding command is a dump of
  /// `ETHTOOL_MSG_RSS_GET`, which kernels before 6.12 do not have: the answer is empty there.
  package mutating func rssContexts() throws(Failure) -> [UInt32: [UInt32]] {
    let request = request(
      Int(CLinux_ETHTOOL_MSG_RSS_GET.rawValue),
      header: UInt16(CLinux_ETHTOOL_A_RSS_HEADER.rawValue))
    let all = try ifSupported { () throws(Failure) in
      try netlink.dump(request, "list the RSS contexts of", on: subject) { answer throws(Errno) in
        let id: UInt32? = try answer.integer(UInt16(CLinux_ETHTOOL_A_RSS_CONTEXT.rawValue))
        let table = answer.bytes(UInt16(CLinux_ETHTOOL_A_RSS_INDIR.rawValue))
        return (id: id ?? 0, table: [UInt32](inHostOrder: table ?? []))
      }
    }
    let further = (all ?? []).filter { $0.id != 0 }
    return Dictionary(further.map { ($0.id, $0.table) }) { first, _ in first }
  }

  /// Creates an RSS context with a table of its own; the driver chooses its key and hash. The
  /// corresponding command is `ETHTOOL_SRSSH`.
  ///
  /// - Returns: The context's number, for flow rules.
  package mutating func createRSSContext(table: [UInt32]) throws(Failure) -> UInt32 {
    var head = Self.unchangedRSS
    head.rss_context = CLinux_ETH_RXFH_CONTEXT_ALLOC
    head.indir_size = UInt32(table.count)
    var request = head.bytes + table.flatMap(\.bytes)
    try perform(
      &request, "create an RSS context on",
      hint: "this NIC may have none to give: steer to a single queue instead")
    let answer = CLinux_ethtool_rxfh(request[...])
    return answer.rss_context
  }

  /// Deletes an RSS context, which no flow rule may name any more.
  ///
  /// - Throws: `ENOENT` where there is no such context.
  package mutating func deleteRSSContext(_ context: UInt32) throws(Failure) {
    var head = Self.unchangedRSS
    head.rss_context = context
    head.indir_size = 0
    var request = head.bytes
    try perform(&request, "delete RSS context \(context) of")
  }

  private static let tableHint =
    "set RSS up by hand (`ethtool -X`) and run with -n"

  /// A request to change nothing. No hash function (0) means to keep it.
  private static var unchangedRSS: CLinux_ethtool_rxfh {
    var head = CLinux_ethtool_rxfh(command: ETHTOOL_SRSSH)
    head.indir_size = CLinux_ETH_RXFH_INDIR_NO_CHANGE
    head.input_xfrm = CLinux_RXH_XFRM_NO_CHANGE
    return head
  }
}
