// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

extension Interface {
  /// All flow rules, by location. The corresponding commands are `ETHTOOL_GRXCLSRLCNT`,
  /// `ETHTOOL_GRXCLSRLALL` and `ETHTOOL_GRXCLSRULE`.
  package mutating func flowRules() throws(Failure) -> [FlowRule] {
    try surveyFlowRules().rules
  }

  /// Looks for all flow rules, again as long as they come and go meanwhile, as those of RFS do. A
  /// driver cuts a list off, or refuses it, when rules came since it was asked for their number;
  /// it refuses, in several ways, to read one that has gone since the list. So each pass also reads
  /// what an earlier one has listed, and what can be read last is there.
  ///
  /// - Returns: The last list with all locations that any pass has listed, and the rules by location.
  mutating func surveyFlowRules() throws(Failure) -> (
    table: FlowRuleTable, rules: [FlowRule]
  ) {
    var seen: Set<UInt32> = []
    var passes = 0
    var failures: [UInt32: Int] = [:]
    var refusal: Failure?
    var last: (table: FlowRuleTable, rules: [FlowRule])?
    for _ in 0..<Self.listAttempts {
      var table: FlowRuleTable
      do throws(Failure) {
        table = try flowRuleTable()
      } catch {
        // What a driver lacks, it lacks for good.
        guard error.kind != .unsupported else { throw error }
        refusal = error
        continue
      }
      passes += 1
      var rules: [FlowRule] = []
      var isWhole = true
      let listed = Set(table.locations)
      seen.formUnion(listed)
      for location in seen.sorted() {
        var request = ethtool_rxnfc(command: ETHTOOL_GRXCLSRULE)
        request.fs.location = location
        do throws(Failure) {
          rules.append(FlowRule(try perform(request, "read flow rule \(location) of")))
        } catch {
          guard listed.contains(location) else { continue }
          isWhole = false
          failures[location, default: 0] += 1
          refusal = error
        }
      }
      table.locations = seen.sorted()
      last = (table, rules)
      if isWhole, try Int(flowRuleCount().rule_cnt) == rules.count { return last! }
    }
    guard let last, !failures.values.contains(passes) else { throw refusal! }
    return last
  }

  /// How often rules are looked for.
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
    try insert(rule, into: surveyFlowRules().table)
  }

  /// The same, where it is known which rules there are.
  mutating func insert(
    _ rule: FlowRule, into table: FlowRuleTable
  ) throws(Failure) -> FlowRule {
    let operation = "insert a flow rule on"
    var rule = rule
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
    package fileprivate(set) var locations: [UInt32]
    /// How many locations there are; 0 where the driver does not report it.
    package let size: UInt32
    /// Whether the driver finds a location by itself (`RX_CLS_LOC_SPECIAL`).
    let takesSpecialLocations: Bool
  }

  /// Lists the places of all rules, once. The corresponding commands are `ETHTOOL_GRXCLSRLCNT` and
  /// `ETHTOOL_GRXCLSRLALL`.
  package mutating func flowRuleTable() throws(Failure) -> FlowRuleTable {
    try flowRuleTable(of: flowRuleCount())
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
    try checkCount(head.rule_cnt, of: "flow rules", Self.listOperation)
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
      "with fewer channels (`ethtool -L \(interface)`) the device may have room for rules: then "
        + "`ethtool -K \(interface) ntuple on`"
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
