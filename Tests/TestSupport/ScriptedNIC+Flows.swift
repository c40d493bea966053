// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel
internal import NIC
internal import Netlink

/// RSS and flow rules.
extension ScriptedNIC {
  func reportRSS(_ request: inout [UInt8]) throws(Errno) {
    let context = request.word(4)
    guard let table = context == 0 ? table : contexts[context] else { throw .noEntry }
    let sizes = (request.word(8), request.word(12))
    request.set(8, UInt32(table.count))
    request.set(12, UInt32(key.count))
    guard sizes != (0, 0) else { return }
    request[16] = function
    request[17] = transform
    request.replace(24, table.flatMap { NetlinkBytes.bytes($0) } + key)
  }

  func setRSS(_ request: inout [UInt8]) throws(Errno) {
    let (context, size, keySize) = (request.word(4), request.word(8), request.word(12))
    let isKept = size == UInt32.max
    let queues = (0..<(isKept ? 0 : Int(size))).map { request.word(24 + $0 * 4) }
    guard queues.isEmpty || queues.count == table.count, queues.allSatisfy({ $0 < queueCount })
    else { throw .invalidArgument }
    let list = queues.map(String.init).joined(separator: " ")
    switch context {
    case 0 where isKept:
      let newKey = Array(request[24..<24 + Int(keySize)])
      if try write("rss key \(newKey)") {
        key = newKey
        function = request[16]
        transform = request[17]
      }
    case 0 where size == 0:
      if try write("rss default") { table = table.indices.map { UInt32($0) % queueCount } }
    case 0:
      guard keySize == 0, request[16] == 0, request[17] == 0xff else { throw .invalidArgument }
      if try write("rss table \(list)") { table = queues }
    case UInt32.max:
      if let id = try createContext(queues) { request.set(4, id) }
    default: try deleteContext(context)
    }
  }

  /// - Returns: The context's number; `nil` where the write is to be forgotten.
  func createContext(_ queues: [UInt32]) throws(Errno) -> UInt32? {
    guard try write("context create \(queues.map(String.init).joined(separator: " "))") else {
      return nil
    }
    let id = (contexts.keys.max() ?? 0) + 1
    contexts[id] = queues
    return id
  }

  func deleteContext(_ context: UInt32) throws(Errno) {
    guard contexts[context] != nil else { throw .noEntry }
    guard !rules.values.contains(where: { $0.context == context }) else { throw .busy }
    if try write("context delete \(context)") { contexts[context] = nil }
  }

  func changeRules(_ command: CInt, _ request: inout [UInt8]) throws(Errno) {
    let location = request.word(176)
    switch command {
    case ETHTOOL_GRXCLSRLCNT:
      request.set(8, choosesLocations ? ruleSlots | 1 << 31 : ruleSlots)
      request.set(184, UInt32(rules.count))
    case ETHTOOL_GRXCLSRLALL:
      guard cutsLists || request.word(184) >= rules.count else { throw .messageTooLong }
      let listed = rules.keys.sorted().prefix(Int(request.word(184)))
      request.set(8, ruleSlots)
      request.set(184, UInt32(listed.count))
      request.replace(188, listed.flatMap { NetlinkBytes.bytes($0) })
    case ETHTOOL_GRXCLSRULE:
      guard let rule = rules[location] else { throw .noEntry }
      request.replace(16, rule.specification)
      request.set(176, location)
      request.set(184, rule.context)
    case ETHTOOL_SRXCLSRLINS:
      if !ntuple.isActive, let errno = refusalWithoutNtuple { throw Errno(errno) }
      let isAnywhere = location == UInt32.max
      guard !isAnywhere || choosesLocations else { throw .invalidArgument }
      // As drivers may, it puts a rule for the same flows into the place of the earlier one.
      let same = rules.first { $0.value.specification[4..<148] == request[20..<164] }?.key
      let free = (0..<ruleSlots).first { rules[$0] == nil }
      guard let chosen = isAnywhere ? same ?? free : location else { throw .noSpace }
      request = reportedRule?(request) ?? request
      // The mask of the source: m_u begins with its address.
      let isExact = request[16 + 76] != 0
      let target =
        request.word(16) & UInt32(FLOW_RSS) != 0
        ? "context \(request.word(184))" : "queue \(request.word(168))"
      if try write("rule \(isExact ? 5 : 3)-tuple at \(chosen) to \(target)") {
        request.set(176, chosen)
        rules[chosen] = (Array(request[16..<184]), request.word(184))
      }
    case ETHTOOL_SRXCLSRLDEL:
      guard rules[location] != nil else { throw .noEntry }
      if try write("rule delete \(location)") { rules[location] = nil }
    default: throw .notSupported
    }
  }
}

/// The ethtool netlink family: rings, channels and RSS contexts.
extension ScriptedNIC {
  func answer(_ request: ScriptedNetlink.Request) -> [ScriptedNetlink.Answer] {
    let header = try? request.attributes.nest(1)
    guard request.family == 21, try! header?.integer(1) as UInt32? == 7 else {
      return [.refused(Errno.invalidArgument.rawValue, text: "no such device")]
    }
    switch Int(request.command) {
    case ETHTOOL_MSG_RINGS_GET where hasRings:
      var attributes: [UInt8] = []
      if let entries = sizes.receive { attributes += NetlinkBytes.attribute(6, entries) }
      if let entries = sizes.transmit { attributes += NetlinkBytes.attribute(9, entries) }
      if split != 0 { attributes += NetlinkBytes.attribute(11, split) }
      if let bufferSize { attributes += NetlinkBytes.attribute(10, bufferSize) }
      if let threshold { attributes += NetlinkBytes.attribute(17, threshold) }
      return [.message(attributes), .acknowledged]
    case ETHTOOL_MSG_RINGS_SET:
      return set { () throws(Errno) in try setRings(request.attributes) }
    case ETHTOOL_MSG_CHANNELS_SET:
      return set { () throws(Errno) in
        let counts = try [6, 7, 8, 9].map { type throws(Errno) -> UInt32 in
          try request.attributes.required(type)
        }
        if try write("channels \(counts)") { queueCount = counts[3] }
      }
    case 38:
      guard request.flags & UInt16(NLM_F_DUMP) != 0 else { break }
      return ([0] + contexts.keys.sorted()).map { id in
        let table = id == 0 ? table : contexts[id] ?? []
        let entries = NetlinkBytes.attribute(4, table.flatMap { NetlinkBytes.bytes($0) })
        return .message(id == 0 ? entries : NetlinkBytes.attribute(2, id) + entries)
      } + [.done()]
    case 49 where hasContextCommands:
      var made: [UInt8] = []
      let answer = set { () throws(Errno) in
        let bytes = request.attributes.bytes(4) ?? []
        let queues = try stride(from: bytes.startIndex, to: bytes.endIndex, by: 4).map {
          start throws(Errno) in try UInt32(wire: bytes[start..<start + 4])
        }
        guard queues.count == table.count else { throw .invalidArgument }
        made = NetlinkBytes.attribute(2, try createContext(queues) ?? 1)
      }
      return (made.isEmpty ? [] : [.message(made)]) + answer
    case 50 where hasContextCommands:
      return set { () throws(Errno) in
        try deleteContext(try request.attributes.required(2))
      }
    default: break
    }
    return [.refused(Errno.notSupported.rawValue)]
  }

  private func set(_ body: () throws(Errno) -> Void) -> [ScriptedNetlink.Answer] {
    do throws(Errno) {
      try body()
      return [.acknowledged]
    } catch {
      return [.refused(error.rawValue, text: words)]
    }
  }
}
