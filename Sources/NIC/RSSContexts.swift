// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
internal import Netlink

/// RSS contexts: further tables, which flow rules name by their numbers.
extension Interface {
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

  /// The tables of the further RSS contexts, by context number. Their keys are not read: a context
  /// that shares the main key reports a key size of 0. The corresponding command is a dump of
  /// `ETHTOOL_MSG_RSS_GET`, which kernels before 6.12 do not have: the answer is empty there.
  package mutating func rssContexts() throws(Failure) -> [UInt32: [UInt32]] {
    let request = rssRequest(CLinux_ETHTOOL_MSG_RSS_GET)
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
  /// corresponding command is `ETHTOOL_MSG_RSS_CREATE_ACT`; on kernels before 6.17 `ETHTOOL_SRSSH`,
  /// which loses the driver's words.
  ///
  /// - Returns: The context's number, for flow rules.
  package mutating func createRSSContext(table: [UInt32]) throws(Failure) -> UInt32 {
    let operation = "create an RSS context on"
    let hint = "this NIC may have none to give: steer to a single queue instead"
    if knows(CLinux_ETHTOOL_MSG_RSS_CREATE_ACT) {
      var request = rssRequest(CLinux_ETHTOOL_MSG_RSS_CREATE_ACT)
      request.put(UInt16(CLinux_ETHTOOL_A_RSS_INDIR.rawValue), table.flatMap(\.bytes))
      return try act(request, operation, hint: hint) { answer throws(Errno) in
        try answer.required(UInt16(CLinux_ETHTOOL_A_RSS_CONTEXT.rawValue))
      }
    }
    var head = Self.unchangedRSS
    head.rss_context = CLinux_ETH_RXFH_CONTEXT_ALLOC
    head.indir_size = UInt32(table.count)
    var request = head.bytes + table.flatMap(\.bytes)
    try perform(&request, operation, hint: hint)
    return CLinux_ethtool_rxfh(request[...]).rss_context
  }

  /// Deletes an RSS context, which no flow rule may name any more. The corresponding command is
  /// `ETHTOOL_MSG_RSS_DELETE_ACT`; on kernels before 6.17 `ETHTOOL_SRSSH`.
  ///
  /// - Throws: `ENOENT` where there is no such context.
  package mutating func deleteRSSContext(_ context: UInt32) throws(Failure) {
    let operation = "delete RSS context \(context) of"
    if knows(CLinux_ETHTOOL_MSG_RSS_DELETE_ACT) {
      var request = rssRequest(CLinux_ETHTOOL_MSG_RSS_DELETE_ACT)
      request.put(UInt16(CLinux_ETHTOOL_A_RSS_CONTEXT.rawValue), context)
      return try set(request, operation)
    }
    var head = Self.unchangedRSS
    head.rss_context = context
    head.indir_size = 0
    var request = head.bytes
    try perform(&request, operation)
  }

  private func rssRequest(_ command: CLinux_ethtool_rss) -> Request {
    request(Int(command.rawValue), header: UInt16(CLinux_ETHTOOL_A_RSS_HEADER.rawValue))
  }

  private func knows(_ command: CLinux_ethtool_rss) -> Bool {
    ethtool.commands[UInt8(command.rawValue)] != nil
  }
}
