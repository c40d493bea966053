// SPDX-License-Identifier: GPL-2.0-only

internal import Options

/// What a shell can offer for the value of an option. It follows from what the help calls the value,
/// so that a new option needs nothing here unless its values are of a new kind.
enum OptionValue: Equatable {
  /// One of these words.
  case words([String])
  /// Something that the shell looks up by the function of this name in its completion.
  case lookedUp(String)
  /// Something that only the user knows.
  case unknown

  /// What the value of an option is; `nil` if it takes none.
  init?(of option: Option) {
    guard let placeholder = option.placeholder else { return nil }
    let words = placeholder.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    let areWords = words.allSatisfy { word in
      !word.isEmpty && word.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" }
    }
    if let function = Self.functions["\(option.name)"] {
      self = .lookedUp(function)
    } else if words.count > 1, areWords {
      self = .words(words)
    } else {
      self = .unknown
    }
  }

  /// The options whose values the shells look up on the host, and the function that does it.
  static let functions = [
    "interface": "interfaces", "memory": "memory", "first-queue": "queues", "cpus": "cpus",
    "tcp-congestion": "congestion_controls",
  ]

  /// The kinds of memory that need no look at the host. One that ends with a colon takes more.
  static let memoryKinds = [
    "udmabuf", "udmabuf:huge=2M", "udmabuf:huge=1G", "host", "host:huge=2M", "host:huge=1G",
    "heap:", "drm", "fd:", "cuda",
  ]
}

extension Option {
  /// The option as it is written, with its letter first if it has one: `-f`, `--interface`.
  var spellings: [String] { (letter.map { ["-\($0)"] } ?? []) + ["--\(name)"] }

  /// The help's first clause, which fits beside the name in a list.
  var summary: String {
    var clause = help[...]
    // "with --check: try a bind as well" begins with a condition.
    if let condition = help.prefixMatch(of: /(with|instead of) [^ ]+:[ ]/) {
      clause = help[condition.range.upperBound...]
    }
    let ends = ["; ", " (", ". ", ": "].compactMap { clause.firstRange(of: $0)?.lowerBound }
    return String(help[..<(ends.min() ?? help.endIndex)])
  }
}
