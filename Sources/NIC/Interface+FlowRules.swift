// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

extension Interface {
  /// All flow rules, by location. The corresponding commands are `ETHTOOL_GRXCLSRLCNT`,
  /// `ETHTOOL_GRXCLSRLALL` and `ETHTOOL_GRXCLSRULE`.
  package mutating func flowRules() throws(Failure) -> [FlowRule] {
    var rules: [FlowRule] = []
    for location in try flowRuleTable().locations {
      if let rule = try flowRule(at: location) { rules.append(rule) }
    }
    return rules.sorted { $0.location < $1.location }
  }

  /// The rule that was listed at a location; `nil` where it has gone since. Drivers report that in
  /// several ways, so that another list decides; by then another rule may have come to its place.
  private mutating func flowRule(at location: UInt32) throws(Failure) -> FlowRule? {
    var request = ethtool_rxnfc(command: ETHTOOL_GRXCLSRULE)
    request.fs.location = location
    var refusal: Failure?
    for _ in 0..<Self.listAttempts {
      do throws(Failure) {
        return FlowRule(try perform(request, "read flow rule \(location) of"))
      } catch {
        refusal = error
      }
      guard try flowRuleTable().locations.contains(location) else { return nil }
    }
    if let refusal { throw refusal }
    return nil
  }

  /// How often rules are listed again that come and go meanwhile, as those of RFS do.
  private static let listAttempts = 5

  /// The flow rules that lead to some queues, by location, each with the first of these that it
  /// leads to: at once, or through an RSS context.
  package mutating func flowRules(
    leadingTo queues: Set<UInt32>
  ) throws(Failure) -> [(rule: FlowRule, queue: UInt32)] {
    let rules = try ifSupported { () throws(Failure) in try flowRules() }
    var leading: [(rule: FlowRule, queue: UInt32)] = []
    for rule in rules ?? [] {
      guard let ring = rule.ring else { continue }
      var targets = [ring]
      if rule.usesContext {
        let table =
          rule.context == 0 ? try rss().table : try rssTable(ofContext: rule.context) ?? []
        // The ring of the rule is added to that of the table (`cap_rss_rxnfc_adds`).
        targets = table.map { $0 &+ ring }
      }
      if let queue = targets.first(where: queues.contains) { leading.append((rule, queue)) }
    }
    return leading
  }

  /// Inserts a rule at its location, where there must be none. The driver chooses the location of a
  /// rule that has none; where the driver cannot choose, the rule goes into the highest free slot.
  /// The corresponding command is `ETHTOOL_SRXCLSRLINS`.
  ///
  /// - Returns: The rule with its location.
  /// - Throws: The driver's refusal, with what would help; `ENOSPC` where the table is full,
  ///   `EEXIST` where the location is taken.
  package mutating func insert(_ rule: FlowRule) throws(Failure) -> FlowRule {
    let operation = "insert a flow rule on"
    var rule = rule
    let table = try flowRuleTable()
    // Drivers overwrite what is at a location that a rule is inserted at.
    guard !table.locations.contains(rule.location) else {
      throw refusal(operation, .exists, reason: "location \(rule.location) has a rule already")
    }
    if rule.location == FlowRule.anywhere {
      if !table.takesSpecialLocations {
        let taken = Set(table.locations)
        let free = (0..<table.size).reversed().first { !taken.contains($0) }
        guard let free else {
          throw refusal(
            operation, .noSpace, reason: "its table of \(table.size) rules is full",
            hint: FlowRule.hint(for: .noSpace, on: name))
        }
        rule.location = free
      }
    }
    do throws(Failure) {
      let answer = try perform(rule.request(command: ETHTOOL_SRXCLSRLINS), operation)
      rule.location = answer.fs.location
    } catch {
      var failure = error
      failure.hint = failure.hint ?? FlowRule.hint(for: error.errno, on: name)
      throw failure
    }
    return rule
  }

  /// Deletes the rule at a location. The corresponding command is `ETHTOOL_SRXCLSRLDEL`.
  package mutating func deleteFlowRule(at location: UInt32) throws(Failure) {
    var request = ethtool_rxnfc(command: ETHTOOL_SRXCLSRLDEL)
    request.fs.location = location
    _ = try perform(request, "delete flow rule \(location) of")
  }

  /// The driver's table of rules: its size and where it has rules.
  package struct FlowRuleTable: Sendable {
    /// Where there are rules.
    package let locations: [UInt32]
    /// How many locations there are; 0 where the driver does not report it.
    package let size: UInt32
    /// Whether the driver finds a location by itself (`RX_CLS_LOC_SPECIAL`).
    let takesSpecialLocations: Bool
  }

  /// Lists the places of all rules. The corresponding commands are `ETHTOOL_GRXCLSRLCNT` and
  /// `ETHTOOL_GRXCLSRLALL`. Between the two, rules may come, which a driver cuts off or refuses to
  /// list, and go: the list counts if there are as many afterwards, or if it is as the one before.
  package mutating func flowRuleTable() throws(Failure) -> FlowRuleTable {
    var count = try flowRuleCount()
    var last: Result<FlowRuleTable, Failure>?
    for _ in 0..<Self.listAttempts {
      let earlier = last.flatMap { try? $0.get() }
      let listed = Result { () throws(Failure) in try flowRuleTable(of: count) }
      count = try flowRuleCount()
      if case .success(let table) = listed,
        table.locations.count == Int(count.rule_cnt) || table.locations == earlier?.locations
      {
        return table
      }
      last = listed
    }
    return try last!.get()
  }

  /// How many rules there are. The corresponding command is `ETHTOOL_GRXCLSRLCNT`.
  private mutating func flowRuleCount() throws(Failure) -> ethtool_rxnfc {
    try perform(
      ethtool_rxnfc(command: ETHTOOL_GRXCLSRLCNT), Self.listOperation,
      hint: FlowRule.hint(for: .notSupported, on: name))
  }

  /// Lists the places of so many rules, and no more: mlx5 refuses to list for more than there are.
  /// The corresponding command is `ETHTOOL_GRXCLSRLALL`.
  private mutating func flowRuleTable(
    of answered: ethtool_rxnfc
  ) throws(Failure) -> FlowRuleTable {
    var head = answered
    let special = UInt64(RX_CLS_LOC_SPECIAL)
    let takesSpecialLocations = head.data & special != 0
    let size = UInt32(truncatingIfNeeded: head.data & ~special)
    let count = Int(head.rule_cnt)
    head.cmd = UInt32(ETHTOOL_GRXCLSRLALL)
    head.data = 0
    // The locations begin in front of the structure's padding.
    let start = CLinux_ethtool_rxnfc_rule_locs
    var request = head.bytes + [UInt8](repeating: 0, count: count * 4)
    try perform(&request, Self.listOperation)
    let answer = ethtool_rxnfc(request[...])
    let listed = [UInt32](inHostOrder: request[start...])
      .prefix(min(count, Int(answer.rule_cnt)))
    return FlowRuleTable(
      locations: Array(listed), size: size > 0 ? size : UInt32(truncatingIfNeeded: answer.data),
      takesSpecialLocations: takesSpecialLocations)
  }

  private static let listOperation = "list the flow rules of"
}

extension FlowRule {
  /// What would help where a driver refuses a rule on an interface.
  static func hint(for errno: Errno?, on interface: String) -> String? {
    switch errno {
    case .notPermitted:
      "`ethtool -K \(interface) ntuple on`; with fewer channels (`ethtool -L \(interface)`) the "
        + "device may have room for it"
    case .notSupported:
      "this driver does not take flow rules: steer by RSS set up by hand, and run with -n"
    case .invalidArgument:
      "this driver does not take rules of this kind: steer by hand, and run with -n"
    case .noSpace:
      "`ethtool -n` lists the rules, `ethtool -N` deletes one"
    case .exists:
      "another rule matches the same flow: `ethtool -n` lists it"
    default: nil
    }
  }
}
