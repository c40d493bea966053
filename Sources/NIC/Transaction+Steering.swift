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
    try enablingFlowRules { transaction throws(Failure) in
      try transaction.insert(flow, orFromAnywhereTo: target)
    }
  }

  /// Steers a flow to queues: to the only one, or to all by an RSS context. Where the driver has no
  /// context to give, the flow goes to the first queue.
  ///
  /// - Returns: Where the flow goes; and why it is no context, where the driver has contexts and
  ///   refuses this one.
  /// - Throws: As `steer(_:to:)`, and another refusal of the context.
  /// - Precondition: `queues` is not empty.
  @discardableResult
  package mutating func steer(
    _ flow: FlowTuple, over queues: Range<UInt32>
  ) throws(Failure) -> (target: FlowTarget, refusal: Failure?) {
    // bnxt makes contexts anew, or loses them, when the feature is switched: there is none of this
    // transaction's then.
    try enablingFlowRules { transaction throws(Failure) in
      var (target, refusal) = (FlowTarget.queue(queues.lowerBound), nil as Failure?)
      if queues.count > 1 {
        do throws(Failure) {
          target = .context(try transaction.createContext(over: Array(queues)))
        } catch {
          guard let errno = error.errno, Self.contextsAreLacking(errno) else { throw error }
          refusal = errno == .notSupported ? nil : error
        }
      }
      do throws(Failure) {
        try transaction.insert(flow, orFromAnywhereTo: target)
      } catch {
        if case .context(let id) = target { transaction.deleteContext(id) }
        throw error
      }
      return (target, refusal)
    }
  }

  /// Whether a driver answers so where it has no contexts, or no more of them: the kernel for most
  /// (`EBUSY` of `xa_alloc`, `net/ethtool/rss.c`), bnxt for itself (`bnxt_create_rxfh_context`).
  private static func contextsAreLacking(_ errno: Errno) -> Bool {
    [.notSupported, .busy, .noSpace, .outOfMemory, .invalidArgument].contains(errno)
  }

  /// Steers one flow to a queue or to an RSS context, and no other.
  ///
  /// - Returns: The rule in force.
  /// - Throws: The driver's refusal, with what would help.
  @discardableResult
  package mutating func steer(
    exactly flow: FlowTuple, to target: FlowTarget
  ) throws(Failure) -> FlowRule {
    try enablingFlowRules { transaction throws(Failure) in
      try transaction.insert(FlowRule(flow, to: target))
    }
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

  /// Deletes a context that this transaction has created; it stays recorded where the driver keeps
  /// it.
  private mutating func deleteContext(_ id: UInt32) {
    let place = changes.firstIndex { if case .context(id, _, _) = $0 { true } else { false } }
    guard let place, (try? interface.deleteRSSContext(id)) != nil else { return }
    amend(at: place, nil)
  }

  /// Does what takes flow rules; where the driver refuses it and the feature for rules is off, once
  /// more with the feature on. Not before: few drivers need it for rules, and to some it means
  /// something else (mlx5: accelerated RFS).
  ///
  /// - Parameter body: What takes rules. It must leave nothing behind where it fails.
  private mutating func enablingFlowRules<Value>(
    _ body: (inout Transaction) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    do throws(Failure) {
      return try body(&self)
    } catch {
      guard error.kind == .unsupported, try enableFlowRules() else { throw error }
    }
    return try body(&self)
  }

  /// Switches flow rules on.
  ///
  /// - Returns: Whether they were off, and the driver has switched them.
  private mutating func enableFlowRules() throws(Failure) -> Bool {
    let feature = try interface.features().first { $0.name == Feature.ntuple }
    guard let feature, feature.isAvailable, !feature.isActive else { return false }
    // A driver may not list rules while they are off.
    let rules = (try? interface.flowRules()) ?? []
    try record(.feature(name: feature.name, requested: feature.isRequested, rules: rules))
    do throws(Failure) {
      try interface.setFeature(feature.name, to: true)
    } catch {
      // A driver that keeps it off has said why when it refused the rule.
      guard error.errno == nil else { throw error }
      return false
    }
    return true
  }

  /// Inserts a rule for a flow, or else one for all flows to its destination.
  @discardableResult
  private mutating func insert(
    _ flow: FlowTuple, orFromAnywhereTo target: FlowTarget
  ) throws(Failure) -> FlowRule {
    // From anywhere to any port is every TCP flow to this host.
    guard flow.source != nil, flow.destination.port != nil else {
      return try insert(FlowRule(flow, to: target))
    }
    do throws(Failure) {
      return try insert(FlowRule(flow, to: target))
    } catch {
      guard !error.isLackOfPrivilege else { throw error }
      return try insert(FlowRule(flow.fromAnywhere, to: target))
    }
  }

  private mutating func insert(_ rule: FlowRule) throws(Failure) -> FlowRule {
    let (table, before) = try interface.surveyFlowRules()
    let sameFlows = before.filter { $0.isForSameFlows(as: rule) }
    let place = try record(.flowRule(rule, replaced: sameFlows))
    do throws(Failure) {
      var inserted = try interface.insert(rule, into: table)
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

extension Failure {
  /// Whether the kernel refused for want of a privilege: another request will fare no better.
  package var isLackOfPrivilege: Bool { errno == .notPermitted && kind != .unsupported }
}
