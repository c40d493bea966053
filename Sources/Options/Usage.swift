// SPDX-License-Identifier: GPL-2.0-only

/// What the tool says about itself.
package enum Usage {
  /// The answer to `--help`: lines of at most 80 columns, the last one ended.
  package static let help = synopsis + Option.groups.map(section).joined() + notes

  /// The command lines, without the tool's name, and what each does.
  package static let commandLines: [(words: String, meaning: String)] = [
    ("-l -f IFACE -s ADDR -p PORT [OPTION...]", "receive"),
    ("-f IFACE -s ADDR -p PORT [OPTION...]", "send standard input"),
    ("... --flows N [OPTION...]", "measure, either way"),
    ("-f IFACE... | --all [OPTION...]", "probe the interface"),
    ("--check -f IFACE... | --all [OPTION...]", "report what it lacks"),
    ("--restore [-f IFACE]", "undo a killed run"),
  ]

  private static let synopsis =
    commandLines.enumerated().map { index, line in
      let padding = String(repeating: " ", count: 42 - line.words.count)
      return "\(index == 0 ? "Usage:" : "      ") ncdevmem \(line.words)\(padding)\(line.meaning)\n"
    }.joined() + """

      Netcat for device memory TCP: payload goes between the network interface and a
      dma-buf, not through host memory.

      """

  private static let notes = """

    SIZE is a number of bytes; K, M and G are powers of 1024. Numbers may be
    hexadecimal (0x1000).

    Exit status: 0 if the run succeeded, 1 if it failed, 2 if the options are
    invalid, 4 if the host, kernel or interface cannot do what they ask for, 128 and
    the signal's number if a signal stopped the run. With --check: 0 if nothing is
    missing, 1 if something is, 4 if the check could not find out. With several
    interfaces: 1 if it is 1 for any of them, otherwise 4 if it is 4 for any.

    """

  /// The columns of a line, and of its part left of the descriptions.
  private static let width = 80
  private static let indent = 32

  private static func section(_ group: Option.Group) -> String {
    "\n\(group.title)\n" + group.options.map(entry).joined()
  }

  private static func entry(_ option: Option) -> String {
    let letter = option.letter.map { "-\($0), " } ?? "    "
    let value = option.placeholder.map { " " + $0 } ?? ""
    var text = ""
    var line = "  \(letter)--\(option.name)\(value)"
    line += String(repeating: " ", count: indent - line.count)
    for word in option.help.split(separator: " ") {
      if line.count + 1 + word.count > width {
        text += line + "\n"
        line = String(repeating: " ", count: indent)
      }
      line += line.count > indent ? " " + word : word
    }
    return text + line + "\n"
  }
}
