// SPDX-License-Identifier: GPL-2.0-only

import Kernel
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
    return try SystemFiles().contents(of: root.joined(separator: "/") + "/" + name)
  }
}
