// SPDX-License-Identifier: GPL-2.0-only

/// What test runners of the kernel read: version 1 of KTAP (`Documentation/dev-tools/ktap.rst`),
/// with the line of totals that kselftest's helpers add (`tools/testing/selftests/kselftest.h`).
package enum KTAP {
  /// What became of a test, with what there is to say of it; that may be empty.
  package enum Outcome: Equatable, Sendable {
    case pass(String)
    case fail(String)
    case skip(String)
  }

  /// A test, or several of which it consists.
  package struct Case: Sendable {
    let name: String
    let outcome: Outcome
    let remarks: [String]
    let subtests: [Case]

    /// - Parameters:
    ///   - remarks: Lines for people, before the result.
    ///   - subtests: What it consists of: it fails if one of them does.
    package init(
      _ name: String, _ outcome: Outcome, remarks: [String] = [], subtests: [Case] = []
    ) {
      self.name = name
      self.outcome = outcome
      self.remarks = remarks
      self.subtests = subtests
    }
  }

  /// All lines of some tests, without the end of the last one.
  ///
  /// - Parameter remarks: Lines for people, behind the tests.
  package static func document(_ cases: [Case], remarks: [String] = []) -> String {
    lines(of: cases, remarks).joined(separator: "\n")
  }

  private static func lines(of cases: [Case], _ remarks: [String]) -> [String] {
    var lines = ["KTAP version 1", "1..\(cases.count)"]
    for (place, test) in cases.enumerated() {
      if !test.subtests.isEmpty { lines += self.lines(of: test.subtests, []).map { "  " + $0 } }
      lines += test.remarks.map(remark) + [result(of: test, number: place + 1)]
    }
    return lines + remarks.map(remark) + [totals(of: cases)]
  }

  private static func result(of test: Case, number: Int) -> String {
    // A name ends where a data field begins.
    let name = "\(number) \(test.name.printable(besides: "#"))"
    return switch test.outcome {
    case .pass(let words): "ok \(name)" + data(words)
    case .fail(let words): "not ok \(name)" + data(words)
    case .skip(let words): "ok \(name) # SKIP" + (words.isEmpty ? "" : " " + words.printable())
    }
  }

  /// The field behind a result, if there is anything to say. Its first word would be taken for a
  /// directive where it is one: runners compare without case.
  private static func data(_ words: String) -> String {
    guard !words.isEmpty else { return "" }
    let isDirective = directives.contains { words.lowercased().hasPrefix($0) }
    return " # " + (isDirective ? "(\(words.printable()))" : words.printable())
  }

  private static let directives = ["skip", "todo", "xfail", "timeout", "error"]

  private static func remark(_ words: String) -> String { "# " + words.printable() }

  private static func totals(of cases: [Case]) -> String {
    var (passed, failed, skipped) = (0, 0, 0)
    for test in cases {
      switch test.outcome {
      case .pass: passed += 1
      case .fail: failed += 1
      case .skip: skipped += 1
      }
    }
    return "# Totals: pass:\(passed) fail:\(failed) xfail:0 xpass:0 skip:\(skipped) error:0"
  }
}
