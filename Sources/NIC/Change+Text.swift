// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// Changes as a journal has them: one line, words with a space between, changes with a semicolon.
extension Change {
  /// Several changes in one line, without its end; empty for none.
  package static func text(of changes: [Change]) -> String {
    changes.map(\.text).joined(separator: separator)
  }

  /// Reads what `text(of:)` has written, and nothing but that: `nil` for anything else.
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
      "rss \(list(rss.table)) \(rss.key.isEmpty ? none : hex(rss.key)) \(rss.function) "
        + "\(rss.transform) \(isDefault ? "default" : "configured")"
    case .context(let id, let table, let others):
      "context \(id.map(String.init) ?? none) \(list(table)) \(list(others))"
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
      guard let table = numbers(values[0]), let key = values[1] == none ? [] : bytes(values[1]),
        let function = UInt8(values[2]), let transform = UInt8(values[3])
      else { return nil }
      self = .rss(
        RSS(table: table, key: key, function: function, transform: transform),
        isDefault: values[4] == "default")
    case ("context", 3):
      guard let table = numbers(values[1]), let others = numbers(values[2]),
        values[0] == none || UInt32(values[0]) != nil
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
  /// One word: all fields, with colons between.
  fileprivate var text: String {
    "\(location):\(type):\(hex(match)):\(hex(mask)):\(ringCookie):\(context)"
  }

  fileprivate init?(text: String) {
    let fields = text.split(separator: ":").map(String.init)
    guard fields.count == 6, let location = UInt32(fields[0]), let type = UInt32(fields[1]),
      let match = bytes(fields[2]), match.count == Self.matchSize,
      let mask = bytes(fields[3]), mask.count == Self.matchSize,
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

/// Stands where there is nothing.
private let none = "-"

private func list(_ numbers: [UInt32]) -> String {
  numbers.isEmpty ? none : numbers.map(String.init).joined(separator: ",")
}

private func numbers(_ text: String) -> [UInt32]? {
  guard text != none else { return [] }
  let words = text.split(separator: ",")
  let numbers = words.compactMap { UInt32($0) }
  return numbers.count == words.count ? numbers : nil
}

/// The bytes that `hex` wrote.
private func bytes(_ text: String) -> [UInt8]? {
  let digits = Array(text.utf8)
  guard digits.count.isMultiple(of: 2) else { return nil }
  var bytes: [UInt8] = []
  for start in stride(from: 0, to: digits.count, by: 2) {
    let pair = String(decoding: digits[start..<start + 2], as: UTF8.self)
    guard let byte = UInt8(pair, radix: 16) else { return nil }
    bytes.append(byte)
  }
  return bytes
}
