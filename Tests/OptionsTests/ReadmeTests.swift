// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Options
import Testing

struct ReadmeTests {
  @Test("the README's table of options has the options that the help has")
  func listsOptions() throws {
    let rows = try rows(below: "| Option | | Mode | Meaning |")
    let names = rows.map { "\($0[0]) \($0[1])" }
    let expected = Option.all.map { option in
      let letter = option.letter.map { "`-\($0)`" } ?? ""
      return "\(letter) `--\(option.name)\(option.placeholder.map { " " + $0 } ?? "")`"
    }
    #expect(names.sorted().difference(from: expected.sorted()).isEmpty)

    let table = rows.map { $0.joined(separator: " ") }.joined(separator: "\n")
    #expect(longOptions(in: table) == longOptions(in: Usage.help))
  }

  @Test("the README names each option's file, in the help's order")
  func mapsOptions() throws {
    let rows = try rows(below: "| Option | File | Look for |")
    let expected = Option.all.map { option in
      (option.letter.map { "`-\($0)` " } ?? "") + "`--\(option.name)`"
    }
    #expect(rows.map { $0[0] }.difference(from: expected).isEmpty)
    for row in rows {
      let option = row[0]
      let identifiers = codeSpans(in: row[2])
      try #require(identifiers.count == 1, "\(option)")
      let files = codeSpans(in: row[1])
      #expect(!files.isEmpty, "\(option)")
      for file in files {
        let words = words(ofCode: try contents(of: "Sources/" + file))
        let isThere = words.contains(identifiers[0])
        #expect(isThere, "\(option): \(identifiers[0]) in \(file)")
      }
    }
  }

  @Test("the README's map has every room")
  func mapsRooms() throws {
    let rooms = try rows(below: "| Room | What it holds |").flatMap { codeSpans(in: $0[0]) }
    let directories = SystemFiles().names(in: checkout + "/Sources").map { $0 + "/" }
    #expect(rooms.sorted().difference(from: directories.sorted()).isEmpty)
  }

  @Test("every source file that the README names is there")
  func namesFiles() throws {
    let paths = codeSpans(in: try contents(of: "README.md")).filter { $0.hasSuffix(".swift") }
    #expect(!paths.isEmpty)
    for path in paths {
      _ = try contents(of: path.hasPrefix("Tests/") ? path : "Sources/" + path)
    }
  }

  /// The directory that this source was compiled in.
  private let checkout = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/")

  /// A file of the checkout.
  private func contents(of name: String) throws -> String {
    do throws(Errno) {
      return try SystemFiles().contents(of: checkout + "/" + name)
    } catch {
      throw Failure("read", on: name, errno: error)
    }
  }

  /// The cells of the README's table that has this head, row by row.
  private func rows(below head: String) throws -> [[String]] {
    let lines = try contents(of: "README.md")
      .split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex(of: head[...]), "\(head)")
    let columns = cells(of: lines[start]).count
    let rows = lines[start...].dropFirst(2).prefix { $0.hasPrefix("|") }.map(cells)
    for row in rows { try #require(row.count == columns, "\(row)") }
    return rows
  }

  /// The cells of a table's line, without the backslash of a bar within one.
  private func cells(of line: Substring) -> [String] {
    let bar = "\u{1}"
    return line.replacing("\\|", with: bar).dropFirst().dropLast()
      .split(separator: "|", omittingEmptySubsequences: false)
      .map { $0.split(separator: " ").joined(separator: " ").replacing(bar, with: "|") }
  }

  /// What stands between backquotes.
  private func codeSpans(in text: String) -> [String] {
    text.matches(of: /`([^`\n]+)`/).map { String($0.output.1) }
  }

  /// The words of source text, without its comments.
  private func words(ofCode source: String) -> Set<String> {
    let code = source.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
    let words = code.flatMap { $0.split { !$0.isLetter && !$0.isNumber && $0 != "_" } }
    return Set(words.map(String.init))
  }

  /// Words that begin with two dashes.
  private func longOptions(in text: String) -> Set<Substring> {
    Set(text.matches(of: /--[a-z-]+/).map(\.output))
  }
}
