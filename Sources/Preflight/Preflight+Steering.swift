// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC

/// What puts the payload of one flow, and of no other, into a queue's memory.
extension Preflight {
  mutating func steeringFindings() -> [Finding] {
    [
      look(at: Self.headerSplit, ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.headerSplit()
      },
      look(at: "hds-thresh", ifUnsupported: .warn) { preflight throws(Failure) in
        try preflight.splitThreshold()
      },
      look(at: "ntuple", ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.flowRules()
      },
      look(at: "rss", ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.rssTable()
      },
      look(at: "rss-contexts", ifUnsupported: .unknown) { preflight throws(Failure) in
        try preflight.rssContexts()
      },
      look(at: "other-rules", ifUnsupported: .ok) { preflight throws(Failure) in
        try preflight.otherRules()
      },
    ]
  }

  private mutating func headerSplit() throws(Failure) -> Observation {
    let split = try interface.rings().split
    let flags = try interface.privateFlags()
    switch split {
    case .enabled: return .ok("tcp-data-split is on")
    case .disabled: return .ok("tcp-data-split is off; a run switches it on")
    case .automatic where flags.splittingHeaders(true) != nil:
      let state = flags.splitsHeaders ? "on" : "off; a run switches it on"
      return .ok("by a private flag, which is \(state)")
    case .automatic:
      return .unknown("the driver does not report tcp-data-split", do: "add --probe")
    }
  }

  private mutating func splitThreshold() throws(Failure) -> Observation {
    switch try interface.rings().threshold {
    case nil: .ok("there is none: all payload is split off")
    case 0: .ok("0: all payload is split off")
    case let threshold?: .ok("\(threshold); a run sets it to 0")
    }
  }

  private mutating func flowRules() throws(Failure) -> Observation {
    let byHand = "steer by RSS set up by hand, and run with -n"
    let table = try interface.flowRuleTable()
    if table.size > 0, table.locations.count >= table.size {
      return .missing(
        "all \(table.size) flow rules are in use", do: "ethtool -N \(interface.name) delete N")
    }
    let room = table.size > 0 ? " of \(table.size)" : ""
    let rules = "\(table.locations.count)\(room) flow rules in use"
    guard let feature = try interface.features().first(where: { $0.name == Feature.ntuple }) else {
      return .ok(rules)
    }
    guard feature.isActive || feature.isAvailable else {
      return .missing("\(feature.name) is off, and cannot be switched", do: byHand)
    }
    return .ok(feature.isActive ? rules : "\(rules); off, a run switches them on")
  }

  private mutating func rssTable() throws(Failure) -> Observation {
    let table = try interface.rss().table
    guard !table.isEmpty else {
      return .missing("no RSS table", do: "use a NIC that spreads flows, or run with -n")
    }
    let isClear = !Set(table).contains { wants($0) }
    return .ok(
      "a table of \(table.count) entries, "
        + (isClear ? "none for the queues to be bound" : "which a run moves off the bound queues"))
  }

  private mutating func rssContexts() throws(Failure) -> Observation {
    let contexts = try interface.rssContexts()
    guard !contexts.isEmpty else { return .ok("none") }
    let inTheWay = contexts.filter { $0.value.contains { wants($0) } }.keys.sorted()
    guard let first = inTheWay.first else { return .ok("\(contexts.count), none for these queues") }
    return .missing(
      "context \(inTheWay.map(String.init).joined(separator: ", ")) sends to queues to be bound",
      do: "choose other queues (-t), or change it: ethtool -X \(interface.name) context \(first)")
  }

  /// Flow rules that lead to the queues to be bound.
  private mutating func otherRules() throws(Failure) -> Observation {
    let leading = try interface.flowRules(leadingTo: Set(queues() ?? 0..<0))
    guard let (rule, _) = leading.first else { return .ok("none for these queues") }
    let list = leading.map { "rule \($0.rule.location) sends to queue \($0.queue)" }
    return .missing(
      list.joined(separator: ", "),
      do: "choose other queues (-t), or delete it: "
        + "ethtool -N \(interface.name) delete \(rule.location)")
  }
}
