// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// A change to an interface, described by what was there before: enough to undo it, in this process
/// or in one that reads it from a journal. It is plain data.
///
/// Each change is recorded before it is made, so that undoing it finds one of two states. The undo
/// compares the present state with the earlier one and touches only what differs: undoing twice
/// does no harm.
package enum Change: Equatable, Sendable {
  /// The interface reported this split.
  case headerSplit(HeaderSplit)
  /// The split's threshold was this, in bytes.
  case splitThreshold(UInt32)
  /// The private flags were these.
  case privateFlags(UInt32)
  /// A feature was requested to be on, or off.
  case feature(name: String, requested: Bool)
  /// The main RSS settings were these; `isDefault` where the table was not configured.
  case rss(RSS, isDefault: Bool)
  /// An RSS context was created. Its `id` is `nil` until the driver has answered; `others` are the
  /// contexts that were there before.
  case context(id: UInt32?, table: [UInt32], others: [UInt32])
  /// A flow rule was inserted, its location `anywhere` until the driver has answered. Rules for
  /// the same flows were there before, which the driver may have replaced.
  case flowRule(FlowRule, replaced: [FlowRule])
}

extension Interface {
  /// Brings back what was there before a change.
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
  /// The kernel reports what the driver does, not what somebody configured. An enabled split is
  /// configured again, for only a configured one can be bound to. Otherwise the driver gets its
  /// choice back, and gets the earlier split by name only if it chooses otherwise than before.
  private mutating func restore(_ earlier: HeaderSplit) throws(Failure) {
    // A driver that reports no split may still have been configured.
    let isReported = earlier != .automatic
    if isReported, try rings().split == earlier { return }
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

  /// Brings the main RSS settings back: the table first, then what is left to bring back.
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

// Changes as a journal stores them: in one line, with a space between words and a semicolon between
// changes.
extension Change {
  /// Several changes in one line, without its end; empty for none.
  package static func text(of changes: [Change]) -> String {
    changes.map(\.text).joined(separator: separator)
  }

  /// Reads what `text(of:)` writes, and nothing but that.
  ///
  /// - Returns: `nil` for any other text.
  package static func changes(in text: String) -> [Change]? {
    guard !text.isEmpty else { return [] }
    var changes: [Change] = []
    for part in text.split(separator: separator, omittingEmptySubsequences: false) {
      guard let change = Change(words: part.split(separator: " ")) else { return nil }
      changes.append(change)
    }
    // Numbers can be written in other ways, and there can be more spaces.
    return self.text(of: changes) == text ? changes : nil
  }

  private static let separator = "; "

  private var text: String {
    switch self {
    case .headerSplit(let split): "split \(split.rawValue)"
    case .splitThreshold(let threshold): "threshold \(threshold)"
    case .privateFlags(let flags): "flags \(flags)"
    case .feature(let name, let requested): "feature \(name) \(requested ? "on" : "off")"
    case .rss(let rss, let isDefault):
      "rss \(listWord(rss.table)) \(rss.key.isEmpty ? nothing : rss.key.hexadecimal) "
        + "\(rss.function) \(rss.transform) \(isDefault ? "default" : "configured")"
    case .context(let id, let table, let others):
      "context \(id.map(String.init) ?? nothing) \(listWord(table)) \(listWord(others))"
    case .flowRule(let rule, let replaced):
      "rule " + ([rule] + replaced).map(\.text).joined(separator: " ")
    }
  }

  private init?(words: [Substring]) {
    let values = words.dropFirst().map(String.init)
    switch (words.first, values.count) {
    case ("split", 1):
      guard let split = UInt8(values[0]).flatMap(HeaderSplit.init(rawValue:)) else { return nil }
      self = .headerSplit(split)
    case ("threshold", 1):
      guard let threshold = UInt32(values[0]) else { return nil }
      self = .splitThreshold(threshold)
    case ("flags", 1):
      guard let flags = UInt32(values[0]) else { return nil }
      self = .privateFlags(flags)
    case ("feature", 2):
      self = .feature(name: values[0], requested: values[1] == "on")
    case ("rss", 5):
      guard let table = numbers(inListWord: values[0]),
        let key = values[1] == nothing ? [] : [UInt8](hexadecimal: values[1]),
        let function = UInt8(values[2]), let transform = UInt8(values[3])
      else { return nil }
      self = .rss(
        RSS(table: table, key: key, function: function, transform: transform),
        isDefault: values[4] == "default")
    case ("context", 3):
      guard let table = numbers(inListWord: values[1]),
        let others = numbers(inListWord: values[2]),
        values[0] == nothing || UInt32(values[0]) != nil
      else { return nil }
      self = .context(id: UInt32(values[0]), table: table, others: others)
    case ("rule", 1...):
      let rules = values.compactMap(FlowRule.init(text:))
      guard rules.count == values.count else { return nil }
      self = .flowRule(rules[0], replaced: Array(rules[1...]))
    default: return nil
    }
  }
}

extension FlowRule {
  /// The rule in one word: all fields, with colons between.
  fileprivate var text: String {
    "\(location):\(type):\(match.hexadecimal):\(mask.hexadecimal):\(ringCookie):\(context)"
  }

  /// Reads what `text` returns.
  fileprivate init?(text: String) {
    let fields = text.split(separator: ":").map(String.init)
    guard fields.count == 6, let location = UInt32(fields[0]), let type = UInt32(fields[1]),
      let match = [UInt8](hexadecimal: fields[2]), match.count == Self.matchSize,
      let mask = [UInt8](hexadecimal: fields[3]), mask.count == Self.matchSize,
      let ringCookie = UInt64(fields[4]), let context = UInt32(fields[5])
    else { return nil }
    self.location = location
    self.type = type
    self.match = match
    self.mask = mask
    self.ringCookie = ringCookie
    self.context = context
  }
}

/// The word for a value that is not there, and for a list that is empty.
private let nothing = "-"

/// Numbers as one word.
private func listWord(_ numbers: [UInt32]) -> String {
  numbers.isEmpty ? nothing : numbers.map(String.init).joined(separator: ",")
}

/// Reads what `listWord` writes; `nil` for any other text.
private func numbers(inListWord text: String) -> [UInt32]? {
  guard text != nothing else { return [] }
  let words = text.split(separator: ",")
  let numbers = words.compactMap { UInt32($0) }
  return numbers.count == words.count ? numbers : nil
}
