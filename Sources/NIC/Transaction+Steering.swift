// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Transaction {
  /// Steers a flow to a queue or to an RSS context. Where the driver refuses to match the source,
  /// the rule matches the destination only.
  ///
  /// - Returns: The rule in force.
  /// - Throws: The driver's refusal of the simpler rule, with what would help.
  @discardableResult
  package mutating func steer(
    _ flow: FlowTuple, to target: FlowTarget
  ) throws(Failure) -> FlowRule {
    try enableFlowRules()
    guard flow.source != nil else { return try insert(FlowRule(flow, to: target)) }
    do throws(Failure) {
      return try insert(FlowRule(flow, to: target))
    } catch {
      guard error.errno != .notPermitted else { throw error }
      return try insert(FlowRule(flow.fromAnywhere, to: target))
    }
  }

  /// Steers a flow to queues: to the only one, or to all by an RSS context. Where the driver has no
  /// contexts the flow goes to the first queue.
  ///
  /// - Returns: Where the flow goes.
  /// - Throws: As `steer(_:to:)`, and a refusal of the context.
  /// - Precondition: `queues` is not empty.
  @discardableResult
  package mutating func steer(
    _ flow: FlowTuple, over queues: Range<UInt32>
  ) throws(Failure) -> FlowTarget {
    var target = FlowTarget.queue(queues.lowerBound)
    if queues.count > 1 {
      let context = try ifSupported { () throws(Failure) in
        try createContext(over: Array(queues))
      }
      if let context { target = .context(context) }
    }
    try steer(flow, to: target)
    return target
  }

  /// Steers one flow to a queue or to an RSS context, and no other.
  ///
  /// - Returns: The rule in force.
  /// - Throws: The driver's refusal, with what would help.
  @discardableResult
  package mutating func steer(
    exactly flow: FlowTuple, to target: FlowTarget
  ) throws(Failure) -> FlowRule {
    try enableFlowRules()
    return try insert(FlowRule(flow, to: target))
  }

  /// Creates an RSS context whose table names some queues in turn.
  ///
  /// - Returns: Its number, for `steer`.
  /// - Precondition: `queues` is not empty.
  package mutating func createContext(over queues: [UInt32]) throws(Failure) -> UInt32 {
    precondition(!queues.isEmpty)
    let size = try interface.rss().table.count
    let table = (0..<size).map { queues[$0 % queues.count] }
    let others = try interface.rssContexts().keys.sorted()
    let place = try record(.context(id: nil, table: table, others: others))
    do throws(Failure) {
      let id = try interface.createRSSContext(table: table)
      let made = try? interface.rssTable(ofContext: id)
      amend(at: place, .context(id: id, table: made ?? table, others: others))
      return id
    } catch {
      // A refusal does not prove that nothing was made.
      if let contexts = try? interface.rssContexts(),
        !contexts.contains(where: { $0.value == table && !others.contains($0.key) })
      {
        amend(at: place, nil)
      }
      throw error
    }
  }

  /// Switches flow rules on, where the driver can switch them and they are off.
  private mutating func enableFlowRules() throws(Failure) {
    let feature = try interface.features().first { $0.name == Feature.ntuple }
    guard let feature, feature.isAvailable, !feature.isActive else { return }
    // A driver may not list rules while they are off.
    let rules = (try? interface.flowRules()) ?? []
    try record(.feature(name: feature.name, requested: feature.isRequested, rules: rules))
    try interface.setFeature(feature.name, to: true)
  }

  private mutating func insert(_ rule: FlowRule) throws(Failure) -> FlowRule {
    let before = try interface.flowRules()
    let sameFlows = before.filter { $0.isForSameFlows(as: rule) }
    let place = try record(.flowRule(rule, replaced: sameFlows))
    do throws(Failure) {
      var inserted = try interface.insert(rule)
      if let after = try? interface.flowRules() {
        // The rule as the driver reports it, which need not be how it was asked for.
        inserted =
          after.first { $0.location == inserted.location }
          ?? after.first { inserted.isSame(as: $0) && !before.contains($0) } ?? inserted
        // One that was there before as it is now is not this transaction's to delete.
        let replaced = sameFlows.filter { !after.contains($0) || $0 == inserted }
        amend(at: place, .flowRule(inserted, replaced: replaced))
      } else {
        amend(at: place, .flowRule(inserted, replaced: sameFlows))
      }
      return inserted
    } catch {
      // A refusal does not prove that nothing was done.
      if let after = try? interface.flowRules(), sameFlows.allSatisfy(after.contains),
        !after.contains(where: { rule.isSame(as: $0) && !before.contains($0) })
      {
        amend(at: place, nil)
      }
      throw error
    }
  }
}
