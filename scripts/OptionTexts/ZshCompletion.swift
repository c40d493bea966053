// SPDX-License-Identifier: GPL-2.0-only

internal import Options

/// What zsh's completion has from the option table.
enum ZshCompletion {
  /// An array of specifications for `_arguments`, and one of kinds of memory.
  static let options =
    "_ncdevmem_memory_kinds=(\(OptionValue.memoryKinds.joined(separator: " ")))\n"
    + "_ncdevmem_options=(\n"
    + Option.all.map { "  \(specification(of: $0))\n" }.joined() + ")\n"

  private static func specification(of option: Option) -> String {
    let spellings = option.spellings
    let value: String
    switch OptionValue(of: option) {
    case nil: value = ""
    case .unknown: value = ":\(message(of: option)): "
    case .words(let words): value = ":\(message(of: option)):(\(words.joined(separator: " ")))"
    case .lookedUp(let function): value = ":\(message(of: option)):_ncdevmem_\(function)"
    }
    // A letter's value may be joined to it, a name's may stand behind an equals sign.
    let names = spellings.map { name in
      value.isEmpty ? name : name.hasPrefix("--") ? name + "=" : name + "+"
    }
    let written = names.count == 1 ? names[0] : "{\(names.joined(separator: ","))}"
    let explanation = quoted("[\(option.summary.replacing("]", with: #"\]"#))]\(value)")
    // Most options are offered once.
    let others = option.collects ? "*" : "(\(spellings.joined(separator: " ")))"
    return quoted(others) + written + explanation
  }

  /// What the help calls the value, without what would end it for `_arguments`.
  private static func message(of option: Option) -> String {
    (option.placeholder ?? "").replacing(":", with: #"\:"#)
  }

  private static func quoted(_ text: String) -> String {
    "'\(text.replacing("'", with: #"'\''"#))'"
  }
}
