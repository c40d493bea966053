// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Interface {
  /// Brings back what was there before a change, where the setting is still as the change made it.
  ///
  /// - Parameter others: The changes that are to be undone later: what they made is not somebody
  ///   else's.
  /// - Returns: What was left as somebody else has made it since, one line for each.
  /// - Throws: The first failure, or one without errno where the earlier state was set and is not
  ///   in force.
  package mutating func undo(
    _ change: Change, besides others: [Change] = []
  ) throws(Failure) -> [String] {
    switch change {
    case .headerSplit(let earlier, let made, let threshold):
      return try restore(earlier, from: made, threshold: threshold)
    case .ringSizes(let earlier, let made): return try restore(earlier, from: made)
    case .channels(let earlier, let made): return try restore(earlier, from: made)
    case .splitThreshold(let earlier, let made):
      let present = try rings().threshold
      guard present != earlier else { return [] }
      guard present == made else { return [kept("hds-thresh")] }
      try setSplit(nil, threshold: earlier)
      try confirm("hds-thresh", try rings().threshold == earlier)
      return []
    case .privateFlags(let earlier, let touched):
      let present = try privateFlags().values
      let restored = present & ~touched | earlier & touched
      guard present != restored else { return [] }
      try setPrivateFlags(restored)
      try confirm("private flags", try privateFlags().values == restored)
      return []
    case .feature(let name, let requested, let rules):
      return try restore(name, to: requested, knowing: rules + others.compactMap(\.insertedRule))
    case .rss(let earlier, let isDefault, let made):
      return try restore(earlier, isDefault: isDefault, from: made)
    case .context(let id, let table, let others):
      return try deleteContext(id, table: table, besides: others)
    case .flowRule(let rule, let replaced): return try delete(rule, bringingBack: replaced)
    }
  }

  /// Switches a feature back. A driver may drop all flow rules with the feature that they need, so
  /// this one stays on while there are rules of somebody else.
  private mutating func restore(
    _ name: String, to requested: Bool, knowing rules: [FlowRule]
  ) throws(Failure) -> [String] {
    let feature = try features().first { $0.name == name }
    guard let feature else { return [] }
    // Off by request, it is held on by the driver: an earlier undo could not switch it.
    let isHeld = !requested && feature.isActive && feature.isAvailable
    guard feature.isRequested != requested || isHeld else { return [] }
    if name == Feature.ntuple, !requested {
      let present = try ifSupported { () throws(Failure) in try flowRules() } ?? []
      if let foreign = present.first(where: { !rules.contains($0) }) {
        let reason = "somebody else has inserted flow rule \(foreign.location) since"
        return [kept(name, reason: reason)]
      }
    }
    try setFeature(name, to: requested)
    return []
  }

  /// Brings the main RSS settings back: the table first, then the key and the hash. Each stays if
  /// somebody else has set it since.
  private mutating func restore(
    _ earlier: RSS, isDefault: Bool, from made: RSS
  ) throws(Failure) -> [String] {
    let found = try rss()
    let count = try receiveQueueCount
    // The default one follows the number of queues, which may be another by now.
    func isBack(_ rss: RSS) -> Bool {
      rss.table == earlier.table || isDefault && rss.isDefault(queueCount: count)
    }
    var left: [String] = []
    if !isBack(found) {
      if found.table != made.table {
        left.append(kept("RSS table"))
      } else if !isDefault, let queue = earlier.table.first(where: { $0 >= count }) {
        left.append(kept("RSS table", reason: "the earlier one names queue \(queue), now gone"))
      } else {
        if isDefault { try resetRSSTable() } else { try setRSSTable(earlier.table) }
        try confirm("RSS table", isBack(try rss()))
      }
    }
    // A driver may change the key with the table, now as well as then.
    var hash = found
    if found.hasSameHash(as: made) {
      hash = earlier
    } else if !found.hasSameHash(as: earlier) {
      left.append(kept("RSS key and hash"))
    }
    if try !rss().hasSameHash(as: hash) {
      try setRSSHash(like: hash)
      try confirm("RSS key and hash", try rss().hasSameHash(as: hash))
    }
    return left
  }

  private mutating func deleteContext(
    _ id: UInt32?, table: [UInt32], besides others: [UInt32]
  ) throws(Failure) -> [String] {
    var known = id
    if known == nil {
      known = try rssContexts().first { $0.value == table && !others.contains($0.key) }?.key
    }
    guard let id = known, let present = try rssTable(ofContext: id) else { return [] }
    guard present == table else { return [kept("RSS context \(id)")] }
    do throws(Failure) {
      try deleteRSSContext(id)
    } catch {
      guard error.errno == .noEntry else { throw error }
    }
    return []
  }

  private mutating func delete(
    _ rule: FlowRule, bringingBack replaced: [FlowRule]
  ) throws(Failure) -> [String] {
    var left: [String] = []
    var present = try flowRules()
    let inserted = present.first { !replaced.contains($0) && rule.isReported(as: $0) }
    if let inserted {
      try deleteFlowRule(at: inserted.location)
      present.removeAll { $0 == inserted }
    } else if let other = present.first(where: { $0.location == rule.location }),
      !replaced.contains(other)
    {
      left.append(kept("flow rule \(other.location)"))
    }
    for earlier in replaced where !present.contains(earlier) {
      let inTheWay = present.first {
        $0.location == earlier.location
          || $0.isForSameFlows(as: earlier) && !replaced.contains($0)
      }
      if let inTheWay {
        left.append(
          "did not bring back flow rule \(earlier.location) of \(subject): somebody else has "
            + "inserted rule \(inTheWay.location) in its stead")
      } else {
        _ = try insert(earlier)
      }
    }
    return left
  }

  /// What the user reads about a setting that is not touched.
  func kept(_ setting: String, reason: String? = nil) -> String {
    "left \(setting) of \(subject) as it is: \(reason ?? "somebody else has set it since")"
  }

  /// Checks that a setting is back.
  func confirm(_ what: String, _ isRestored: Bool) throws(Failure) {
    guard !isRestored else { return }
    throw refusal("restore the \(what) of", nil, reason: "it was set, but is not in force")
  }
}

extension Change {
  /// The rule that the change inserted, if it is such a change.
  var insertedRule: FlowRule? {
    if case .flowRule(let rule, _) = self { rule } else { nil }
  }
}
