// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC

/// What puts the payload of one flow, and of no other, into a queue's memory.
extension Preflight {
  mutating func steeringFindings() -> [Finding] {
    [
      setting(Self.headerSplit, ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.headerSplit()
      },
      setting("hds-thresh", ifUnsupported: .warn) { preflight throws(Failure) in
        try preflight.splitThreshold()
      },
      setting(Self.ntuple, ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.flowRules()
      },
      setting("arfs", ifUnsupported: .ok, otherwise: .warn) { preflight throws(Failure) in
        try preflight.flowSteering()
      },
      setting("rss", ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.rssTable()
      },
      setting("rss-contexts", ifUnsupported: .unknown) { preflight throws(Failure) in
        try preflight.rssContexts()
      },
      setting("other-rules", ifUnsupported: .ok) { preflight throws(Failure) in
        try preflight.otherRules()
      },
    ]
  }

  /// Checks a setting that a run makes or reads; one with `-n` does neither.
  private mutating func setting(
    _ item: String, ifUnsupported verdict: Observation.Verdict,
    otherwise: Observation.Verdict = .unknown,
    _ body: (inout Preflight) throws(Failure) -> Observation
  ) -> Finding {
    guard leavesNICAlone else {
      return look(at: item, ifUnsupported: verdict, otherwise: otherwise, body)
    }
    let seen = "a matter of the physical NIC: a run here needs -n, and sets nothing"
    // A bind is refused without it.
    guard item == Self.headerSplit else { return Finding(item, .ok(seen)) }
    return Finding(item, .unknown(seen, do: "set it up there, and add --probe"))
  }

  private mutating func headerSplit() throws(Failure) -> Observation {
    let split = try interface.rings().split
    let flags = try interface.privateFlags()
    switch split {
    case .enabled: return .ok("the driver reports tcp-data-split on; a run configures it")
    case .disabled: return .ok("tcp-data-split is off; a run switches it on")
    case .automatic where flags.splittingHeaders(true) != nil:
      let state = flags.splitsHeaders ? "on" : "off; a run switches it on"
      return .ok("by a private flag, which is \(state)")
    case .automatic:
      let seen = "the driver does not report tcp-data-split"
      let gro = try interface.features().first { $0.name == Feature.hardwareGRO }
      guard let gro, !gro.isActive, gro.isAvailable else {
        return .unknown(seen, do: "add --probe")
      }
      return .unknown(
        "\(seen); \(gro.name) is off, and a run switches it on where the split needs it",
        do: "add --probe")
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
    if feature.isActive { return .ok(rules) }
    // Some drivers, such as mlx5, take rules whatever the feature says; others may refuse to switch
    // what they list as switchable, such as mlx5 in switchdev mode.
    let state =
      if !feature.isAvailable {
        "is off, and cannot be switched"
      } else if feature.isRequested {
        "is asked for, and off: the driver keeps it off"
      } else {
        "is off, a run switches it on where rules need it"
      }
    return .unknown("\(rules); \(feature.name) \(state)", do: "add --probe")
  }

  /// Whether the NIC may steer by itself, past the RSS table.
  private mutating func flowSteering() throws(Failure) -> Observation {
    let queues = try interface.queuesOfFlowSteering(in: files).filter { wants($0) }.sorted()
    guard let first = queues.first else { return .ok("no RFS for these queues") }
    return .warn(
      "RFS is configured and \(Feature.ntuple) on: the NIC may steer plain flows to "
        + "queue \(queues.map(String.init).joined(separator: ", ")), to be lost there",
      do: "echo 0 >/sys/class/net/\(interface.name)/queues/rx-\(first)/rps_flow_cnt")
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
