// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Options
import Testing

struct ReadmeTests {
  @Test("the README's table has the options that the help has")
  func listsOptions() throws {
    let readme = try text(of: "README.md")
    #expect(readme.contains("| Option |"))
    let table = readme.split(separator: "\n").filter { $0.hasPrefix("| ") }.joined(separator: "\n")
    #expect(longOptions(in: table) == longOptions(in: Usage.help))
  }

  /// Words that begin with two dashes.
  private func longOptions(in text: String) -> Set<Substring> {
    Set(text.matches(of: /--[a-z-]+/).map(\.output))
  }

  /// A file of the checkout.
  private func text(of name: String) throws -> String {
    var root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    root.removeLast(3)
    let path = root.joined(separator: "/") + "/" + name
    let file = unsafe try #require(fopen(path, "r"))
    defer { unsafe _ = fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
