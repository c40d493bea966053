// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Options
import Testing

@testable import option_texts

struct OptionTextsTests {
  @Test(
    "the man page and the completions are as the option table makes them (make texts)",
    arguments: InstalledText.all.map(\.path))
  func isAsMade(path: String) throws {
    let text = try #require(InstalledText.all.first { $0.path == path })
    let present = try text.present()
    #expect(try text.renewed(present) == present)
  }

  @Test("a text whose part has another line is made afresh, with all that is around the part")
  func makesAfresh() throws {
    let text = InstalledText(path: "file", parts: [("options", "new\nlines\n")])
    let file = "above\n# Made from the option table: options\nold\n# End of options\nbelow\n"
    #expect(
      try text.renewed(file) == """
        above
        # Made from the option table: options
        new
        lines
        # End of options
        below

        """)
  }

  @Test("a text without the lines around its part is refused", arguments: ["", "End of options\n"])
  func needsPlace(file: String) throws {
    let text = InstalledText(path: "file", parts: [("options", "")])
    let failure = try #require(throws: Failure.self) { try text.renewed(file) }
    #expect(failure.description.contains("cannot find file, options: no such part"))
  }

  @Test("each kind of memory that is completed is one, and none is missing")
  func completesMemory() throws {
    let arguments = ["heap:": "system", "fd:": "3"]
    for kind in OptionValue.memoryKinds {
      let word = kind + (arguments[kind] ?? "")
      #expect(throws: Never.self) { try Configuration(words: ["-f", "eth0", "--memory", word]) }
    }
    let names = Set(OptionValue.memoryKinds.map { $0.prefix { $0 != ":" } })
    #expect(names == Set(MemoryKind.forms.map { $0.prefix { $0 != ":" } }))
  }

  @Test("the man page names each variable of the environment that is read")
  func namesVariables() throws {
    let (files, sources) = (SystemFiles(), InstalledText.checkout + "Sources/")
    var names: Set<String> = []
    for room in files.names(in: sources) {
      for file in files.names(in: sources + room) where file.hasSuffix(".swift") {
        let source = try files.contents(of: "\(sources)\(room)/\(file)")
        names.formUnion(
          source.matches(of: /environmentVariable\("([A-Z_]+)"\)/).map { String($0.output.1) })
      }
    }
    #expect(names.isSuperset(of: ["NO_COLOR", "RUNTIME_DIRECTORY", "TERM", "XDG_RUNTIME_DIR"]))
    let page = try InstalledText.all[0].present()
    for name in names { #expect(page.contains("\n.It Ev \(name)\n")) }
  }

  @Test("an option whose values the shells look up is there")
  func looksUp() {
    let names = Option.all.map { "\($0.name)" }
    for name in OptionValue.functions.keys { #expect(names.contains(name)) }
  }

  @Test("the words that an option may take are those that it takes")
  func completesWords() throws {
    for option in Option.all {
      guard case .words(let words) = OptionValue(of: option) else { continue }
      for word in words {
        let failure = #expect(throws: Failure.self) {
          try Configuration(words: ["--\(option.name)", word])
        }
        #expect(failure?.description == "-f IFACE: required")
      }
    }
  }

  @Test("each option has a summary that stands on its own")
  func summarizes() {
    for option in Option.all {
      let summary = option.summary
      #expect(summary.split(separator: " ").count > 2, "\(option.name)")
      #expect(option.help.hasPrefix(summary))
      #expect(!summary.hasPrefix("instead of ") || summary.contains(": "))
      #expect(summary.filter { $0 == "(" }.count == summary.filter { $0 == ")" }.count)
    }
  }
}
