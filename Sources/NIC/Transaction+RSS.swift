// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Transaction {
  /// Sends flows that no rule steers to other queues: the entries of the RSS table that name the
  /// queues to be bound get the other queues of the table, in the table's proportions, and the
  /// rest of the table stays. A queue that the table leaves out, which somebody else may use, gets
  /// none, unless no other is in the table.
  ///
  /// - Parameters:
  ///   - queues: The queues to be bound.
  ///   - free: The queues to send to where the table names none but those to be bound: asked for
  ///     only there.
  /// - Throws: A failure of the kind `usage` where no other queue is left, of the kind
  ///   `unsupported` where there is no RSS table; what `free` throws.
  package mutating func moveRSS(
    off queues: Set<UInt32>, orTo free: @autoclosure () throws(Failure) -> Set<UInt32> = []
  ) throws(Failure) {
    let count = try interface.receiveQueueCount
    let existing = try interface.queues(of: count, besides: queues)
    let before = try interface.rss()
    guard !before.table.isEmpty else {
      throw interface.refusal(
        "move RSS off the queues of", .notSupported, reason: "it has no RSS table")
    }
    guard before.firstEntry(naming: queues) != nil else { return }
    var others: [UInt32] = []
    if before.table.allSatisfy(queues.contains) {
      let free = try free()
      others = existing.filter(free.contains)
    }
    guard let table = before.table(avoiding: queues, orNaming: others) else {
      throw interface.refusal(
        "move RSS off the queues of", nil,
        reason: "its table names only queues to be bound, and no other queue is free",
        hint: interface.hintOfTooFewQueues())
    }
    let isDefault = before.isDefault(queueCount: count)
    var made = before
    made.table = table
    let place = try record(.rss(before, isDefault: isDefault, made: made))
    try interface.setRSSTable(table)
    if case .rss(let earlier, let isDefault, _) = changes[place] {
      amend(at: place, .rss(earlier, isDefault: isDefault, made: try interface.rss()))
    }
  }

  /// Proves that nothing but what this transaction set up leads to some queues: no RSS table, no
  /// further context, no flow rule. The kernel does not check it, and plain traffic on a bound
  /// queue is lost to its sockets.
  ///
  /// - Throws: A failure without errno that names the entry, the context or the rule.
  package mutating func proveOthersAvoid(_ queues: Set<UInt32>) throws(Failure) {
    let operation = "keep other traffic off the queues of"
    let main = try ifSupported { () throws(Failure) in try interface.rss() }
    if let entry = main?.firstEntry(naming: queues), let queue = main?.table[entry] {
      throw interface.refusal(
        operation, nil, reason: "RSS table entry \(entry) names queue \(queue)",
        hint: "something else sets RSS: stop it, or set it by hand and run with -n")
    }
    let own = changes.compactMap { if case .context(let id, _, _) = $0 { id } else { nil } }
    for (id, table) in try interface.rssContexts() where !own.contains(id) {
      guard let queue = table.first(where: { queues.contains($0) }) else { continue }
      throw interface.refusal(
        operation, nil, reason: "RSS context \(id) names queue \(queue)",
        hint: "choose other queues (-t), or change it: "
          + "`ethtool -X \(interface.name) context \(id)`"
      )
    }
    let inserted = changes.compactMap(\.insertedRule)
    let foreign = try interface.flowRules(leadingTo: queues).first { rule, _ in
      // One for the same flows as a rule of this run sends nothing to the queue that is not wanted.
      !inserted.contains { rule.isForSameFlows(as: $0) }
    }
    if let (rule, queue) = foreign {
      throw interface.refusal(
        operation, nil, reason: "flow rule \(rule.location) sends to queue \(queue)",
        hint: "choose other queues (-t), or delete it: "
          + "`ethtool -N \(interface.name) delete \(rule.location)`")
    }
  }
}

extension RSS {
  /// The table with other queues in place of some: those of the table, in its proportions.
  ///
  /// - Parameters:
  ///   - queues: The queues that must not be named.
  ///   - others: The queues to name, in turn, where the table names none but those.
  /// - Returns: `nil` where there are no others either.
  package func table(avoiding queues: Set<UInt32>, orNaming others: [UInt32]) -> [UInt32]? {
    let kept = table.filter { !queues.contains($0) }
    // How many entries of the table each queue has that takes some over.
    var weights: [UInt32: Int] = [:]
    for queue in kept.isEmpty ? others : kept { weights[queue, default: 0] += 1 }
    let takers = weights.keys.sorted()
    guard !takers.isEmpty else { return nil }
    var given: [UInt32: Int] = [:]
    // How many entries a queue would have been given by its turn, for each that it has.
    func share(_ queue: UInt32) -> Double {
      Double(given[queue, default: 0] + 1) / Double(weights[queue]!)
    }
    return table.map { queue in
      guard queues.contains(queue) else { return queue }
      let taker = takers.min { share($0) < share($1) }!
      given[taker, default: 0] += 1
      return taker
    }
  }
}
