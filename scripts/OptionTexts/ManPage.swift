// SPDX-License-Identifier: GPL-2.0-only

internal import Options

/// What the man page has from the option table and from the help, in the language mdoc.
enum ManPage {
  /// The command lines.
  static let synopsis = Usage.commandLines.map { line in
    ".Nm\n" + segments(of: line.words).map { "." + $0.joined(separator: " ") + "\n" }.joined()
  }.joined()

  /// All options, by the groups of the help.
  static let options = Option.groups.map { group in
    ".Ss \(group.title)\n.Bl -tag -width Ds\n" + group.options.map(entry).joined() + ".El\n"
  }.joined()

  /// The macros for a command line: each pair of brackets, and what is between two of them, has a
  /// line of its own.
  private static func segments(of words: String) -> [[String]] {
    var segments: [[String]] = [[]]
    for word in words.split(separator: " ") {
      if word.hasPrefix("[") { segments.append(["Op"]) }
      let bare = word.filter { !"[].".contains($0) }
      if bare.isEmpty {
        segments[segments.count - 1] += ["No", "..."]
      } else if bare == "|" {
        segments[segments.count - 1] += [bare]
      } else {
        segments[segments.count - 1] += [flag(bare) ?? "Ar \(bare)"]
        if word.contains("...") { segments[segments.count - 1] += ["..."] }
      }
      if word.hasSuffix("]") { segments.append([]) }
    }
    return segments.filter { !$0.isEmpty }
  }

  private static func entry(of option: Option) -> String {
    let names = option.spellings.compactMap(flag).joined(separator: " , ")
    let value = option.placeholder.map { " Ar \($0)" } ?? ""
    let sentences = option.help.split(separator: ". ") + (option.runs.map { [$0[...]] } ?? [])
    return ".It \(names)\(value)\n" + sentences.map(paragraph).joined()
  }

  /// The lines of a sentence, which has no period yet. A word that has a macro begins a line.
  private static func paragraph(_ sentence: Substring) -> String {
    var lines: [String] = []
    var takesMore = false
    let text = sentence.prefix(1).uppercased() + sentence.dropFirst() + "."
    for word in text.split(separator: " ") {
      if let macro = macro(for: word) {
        if let last = lines.last, last.hasPrefix(".Fl"), last.last!.isLetter, macro.hasPrefix("Ar")
        {
          // A value follows its option.
          lines[lines.count - 1] = last + " " + macro
        } else {
          lines.append("." + macro)
        }
        takesMore = false
      } else if takesMore, lines.last!.count + word.count < 76 {
        lines[lines.count - 1] += " " + escaped(word)
      } else {
        lines.append(escaped(word))
        takesMore = true
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// The macro for an option or a value with the punctuation around it; `nil` for a plain word.
  private static func macro(for word: Substring) -> String? {
    guard let match = word.wholeMatch(of: /(\()?(-{1,2}[A-Za-z][a-z-]*|[A-Z]+)(\))?([.,;:]*)/),
      (match.output.1 == nil) == (match.output.3 == nil)
    else { return nil }
    let bare = String(match.output.2)
    guard let macro = flag(bare) ?? (placeholders.contains(bare) ? "Ar \(bare)" : nil) else {
      return nil
    }
    let parenthesis = match.output.1 == nil ? [] : ["Pq"]
    return (parenthesis + [macro] + match.output.4.map(String.init)).joined(separator: " ")
  }

  /// The macro for an option as it is typed; `nil` for another word.
  private static func flag(_ word: some StringProtocol) -> String? {
    word.hasPrefix("-") ? "Fl \(word.dropFirst())" : nil
  }

  /// What the help calls the values.
  private static let placeholders = Set(Option.all.compactMap(\.placeholder))

  /// A plain word: a dash in front is no hyphen, and a period or an apostrophe no request.
  private static func escaped(_ word: Substring) -> String {
    let text = word.replacing("\\", with: "\\e")
    if text.hasPrefix("-") { return "\\" + text }
    return (text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : "") + text
  }
}
