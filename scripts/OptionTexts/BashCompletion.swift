// SPDX-License-Identifier: GPL-2.0-only

internal import Options

/// What bash's completion has from the option table.
enum BashCompletion {
  /// The names of all options, and a function that prints what the value of one is: the name of a
  /// function, or `words` and the words.
  static let options =
    "_ncdevmem_memory_kinds=\"\(OptionValue.memoryKinds.joined(separator: " "))\"\n"
    + "_ncdevmem_options=\"\n"
    + Option.all.map { "    \($0.spellings.joined(separator: " "))\n" }.joined() + "\"\n"
    + "_ncdevmem_value() {\n    case $1 in\n"
    + Option.all.compactMap(pattern).joined() + "    *) return 1 ;;\n    esac\n}\n"

  private static func pattern(of option: Option) -> String? {
    let value: String
    switch OptionValue(of: option) {
    case nil: return nil
    case .unknown: value = "words"
    case .words(let words): value = (["words"] + words).joined(separator: " ")
    case .lookedUp(let function): value = function
    }
    return "    \(option.spellings.joined(separator: " | "))) echo \"\(value)\" ;;\n"
  }
}
