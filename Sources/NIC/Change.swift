// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A change to an interface, told by what was there before: enough to undo it, in this process or
/// in one that reads it from a journal. Nothing but plain data.
///
/// Each is recorded before it is made, so that undoing it finds one of two states. It compares the
/// present state with the earlier one and touches only what differs: undoing twice does no harm.
package enum Change: Equatable, Sendable {
  /// The split was reported as this.
  case headerSplit(HeaderSplit)
  /// The split's threshold was this.
  case splitThreshold(UInt32)
  /// The private flags were these.
  case privateFlags(UInt32)
  /// A feature was asked to be on, or not.
  case feature(name: String, requested: Bool)
  /// The main RSS spread was this; `isDefault` where nobody had configured its table.
  case rss(RSS, isDefault: Bool)
  /// An RSS context was created; `id` is nil until the driver has answered, and `others` were
  /// there before.
  case context(id: UInt32?, table: [UInt32], others: [UInt32])
  /// A flow rule was inserted, its location `anywhere` until the driver has answered. Rules for
  /// the same flows were there before, which the driver may have replaced.
  case flowRule(FlowRule, replaced: [FlowRule])
}

extension Interface {
  /// Brings back what was before a change.
  ///
  /// - Throws: The first failure, or one without errno where the earlier state was set and is not
  ///   in force.
  package mutating func undo(_ change: Change) throws(Failure) {
    switch change {
    case .headerSplit(let earlier): try restore(earlier)
    case .splitThreshold(let earlier):
      guard try rings().threshold != earlier else { return }
      try setSplitThreshold(earlier)
      try confirm("hds-thresh", try rings().threshold == earlier)
    case .privateFlags(let earlier):
      guard try privateFlags().values != earlier else { return }
      try setPrivateFlags(earlier)
      try confirm("private flags", try privateFlags().values == earlier)
    case .feature(let name, let requested):
      let feature = try features().first { $0.name == name }
      guard let feature, feature.isRequested != requested else { return }
      try setFeature(name, to: requested)
    case .rss(let earlier, let isDefault): try restore(earlier, isDefault: isDefault)
    case .context(let id, let table, let others):
      var created = id
      if created == nil {
        created = try rssContexts().first { $0.value == table && !others.contains($0.key) }?.key
      }
      guard let created else { return }
      do throws(Failure) {
        try deleteRSSContext(created)
      } catch {
        guard error.errno == .noEntry else { throw error }
      }
    case .flowRule(let rule, let replaced):
      let present = try flowRules()
      let inserted = present.first { other in
        !replaced.contains(other)
          && (rule.location == FlowRule.anywhere
            ? rule.isSame(as: other) : rule.location == other.location)
      }
      if let inserted { try deleteFlowRule(at: inserted.location) }
      for earlier in replaced where !present.contains(earlier) { _ = try insert(earlier) }
    }
  }

  /// Brings the split back.
  ///
  /// The kernel tells what the driver does, not what somebody configured. An enabled split is
  /// configured again, for only a configured one can be bound to. Otherwise the driver gets its
  /// choice back, and is told only if it chooses otherwise than before.
  private mutating func restore(_ earlier: HeaderSplit) throws(Failure) {
    // A driver that does not tell may have been told all the same.
    let isTold = earlier != .automatic
    if isTold, try rings().split == earlier { return }
    var refusal: Failure?
    for split in earlier == .disabled ? [.automatic, .disabled] : [earlier] {
      do throws(Failure) {
        try setHeaderSplit(split)
        if try rings().split == earlier { return }
        refusal = nil
      } catch {
        refusal = error
      }
    }
    if let refusal { throw refusal }
    try confirm("tcp-data-split", false)
  }

  private mutating func restore(_ earlier: RSS, isDefault: Bool) throws(Failure) {
    var present = try rss()
    if present.table != earlier.table {
      if isDefault { try resetRSSTable() } else { try setRSSTable(earlier.table) }
      present = try rss()
    }
    if present.table == earlier.table, present != earlier {
      try setRSSHash(like: earlier)
      present = try rss()
    }
    try confirm("RSS table and key", present == earlier)
  }

  private func confirm(_ what: String, _ isRestored: Bool) throws(Failure) {
    guard !isRestored else { return }
    throw refusal("restore the \(what) of", nil, reason: "it was set, but is not in force")
  }
}
