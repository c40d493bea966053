// SPDX-License-Identifier: GPL-2.0-only

internal import Options

/// What fish's completion has from the option table.
enum FishCompletion {
  /// One `complete` for each option, and a list of kinds of memory.
  static let options =
    "set -g __ncdevmem_memory_kinds \(OptionValue.memoryKinds.joined(separator: " "))\n"
    + Option.all.map(command).joined()

  private static func command(of option: Option) -> String {
    let letter = option.letter.map { " -s \($0)" } ?? ""
    let value: String
    switch OptionValue(of: option) {
    case nil: value = ""
    case .unknown: value = " -x"
    case .words(let words): value = " -x -a \(quoted(words.joined(separator: " ")))"
    case .lookedUp(let function): value = " -x -a '(__ncdevmem_\(function))'"
    }
    return "complete -c ncdevmem\(letter) -l \(option.name)\(value) -d \(quoted(option.summary))\n"
  }

  private static func quoted(_ text: String) -> String {
    "'\(text.replacing(#"\"#, with: #"\\"#).replacing("'", with: #"\'"#))'"
  }
}
