// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

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
    case .headerSplit(let earlier, let made, let threshold):
      "split \(earlier.reported.rawValue) \(word(earlier.configured?.rawValue)) "
        + "\(listWord(made.map { UInt32($0.rawValue) })) \(word(threshold))"
    case .splitThreshold(let threshold, let made): "threshold \(threshold) \(made)"
    case .ringSizes(let earlier, let made):
      "rings \(earlier.text)" + (made.map { " \($0.text)" } ?? "")
    case .channels(let earlier, let made):
      "channels \(earlier.text)" + (made.map { " \($0.text)" } ?? "")
    case .privateFlags(let flags, let touched): "flags \(flags) \(touched)"
    case .feature(let name, let requested, let rules):
      (["feature", name, requested ? "on" : "off"] + rules.map(\.text)).joined(separator: " ")
    case .rss(let rss, let isDefault, let made):
      "rss \(rss.text) \(isDefault ? "default" : "configured") \(made.text)"
    case .context(let id, let table, let others):
      "context \(word(id)) \(listWord(table)) \(listWord(others))"
    case .flowRule(let rule, let replaced):
      "rule " + ([rule] + replaced).map(\.text).joined(separator: " ")
    }
  }

  private init?(words: [Substring]) {
    let values = words.dropFirst().map(String.init)
    switch (words.first, values.count) {
    case ("split", 4):
      guard let reported = HeaderSplit(text: values[0]), let made = numbers(inListWord: values[2])
      else { return nil }
      let configured = HeaderSplit(text: values[1])
      let splits = made.compactMap { HeaderSplit(text: "\($0)") }
      guard splits.count == made.count, configured != nil || values[1] == nothing,
        UInt32(values[3]) != nil || values[3] == nothing
      else { return nil }
      self = .headerSplit(
        EarlierSplit(reported: reported, configured: configured), made: splits,
        threshold: UInt32(values[3]))
    case ("threshold", 2):
      guard let threshold = UInt32(values[0]), let made = UInt32(values[1]) else { return nil }
      self = .splitThreshold(threshold, made: made)
    case ("rings", 2), ("rings", 4):
      guard let earlier = RingSizes(words: values[..<2]) else { return nil }
      let made = RingSizes(words: values[2...])
      guard (made != nil) == (values.count == 4) else { return nil }
      self = .ringSizes(earlier, made: made)
    case ("channels", 5), ("channels", 10):
      guard let earlier = Channels(words: values[..<5]) else { return nil }
      let made = Channels(words: values[5...])
      guard (made != nil) == (values.count == 10) else { return nil }
      self = .channels(earlier, made: made)
    case ("flags", 2):
      guard let flags = UInt32(values[0]), let touched = UInt32(values[1]) else { return nil }
      self = .privateFlags(flags, touched: touched)
    case ("feature", 2...):
      let rules = values.dropFirst(2).compactMap(FlowRule.init(text:))
      guard rules.count == values.count - 2 else { return nil }
      self = .feature(name: values[0], requested: values[1] == "on", rules: rules)
    case ("rss", 9):
      guard let rss = RSS(words: values[..<4]), let made = RSS(words: values[5...])
      else { return nil }
      self = .rss(rss, isDefault: values[4] == "default", made: made)
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

extension HeaderSplit {
  fileprivate init?(text: String) {
    guard let split = UInt8(text).flatMap(HeaderSplit.init(rawValue:)) else { return nil }
    self = split
  }
}

extension RingSizes {
  /// The sizes in two words.
  fileprivate var text: String { "\(word(receive)) \(word(transmit))" }

  /// Reads what `text` returns.
  fileprivate init?(words: ArraySlice<String>) {
    let sizes = words.map { UInt32($0) }
    guard words.count == 2, zip(words, sizes).allSatisfy({ $0 == nothing || $1 != nil }) else {
      return nil
    }
    self.init(receive: sizes[0], transmit: sizes[1])
  }
}

extension Channels {
  /// The numbers in five words.
  fileprivate var text: String {
    "\(receive) \(transmit) \(other) \(combined) \(maximumCombined)"
  }

  /// Reads what `text` returns.
  fileprivate init?(words: ArraySlice<String>) {
    let counts = words.compactMap { UInt32($0) }
    guard counts.count == 5 else { return nil }
    self.init(
      receive: counts[0], transmit: counts[1], other: counts[2], combined: counts[3],
      maximumCombined: counts[4])
  }
}

extension RSS {
  /// The settings in four words.
  fileprivate var text: String {
    "\(listWord(table)) \(key.isEmpty ? nothing : key.hexadecimal) \(function) \(transform)"
  }

  /// Reads what `text` returns.
  fileprivate init?(words: ArraySlice<String>) {
    let words = Array(words)
    guard let table = numbers(inListWord: words[0]),
      let key = words[1] == nothing ? [] : [UInt8](hexadecimal: words[1]),
      let function = UInt8(words[2]), let transform = UInt8(words[3])
    else { return nil }
    self.init(table: table, key: key, function: function, transform: transform)
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

/// A number that may not be there, as one word.
private func word(_ number: (some FixedWidthInteger)?) -> String {
  number.map { "\($0)" } ?? nothing
}

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
