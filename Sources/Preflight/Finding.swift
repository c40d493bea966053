// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What the check of one thing showed.
package struct Observation: Equatable, Sendable {
  /// Whether a thing is as a run needs it.
  package enum Verdict: String, Sendable {
    /// There is nothing to do.
    case ok
    /// Runs work, but some kinds of them fail or are slower.
    case warn
    /// No run can work.
    case missing
    /// It could not be determined, and no run can work without it.
    case unknown
  }

  /// Whether the thing is as a run needs it.
  package private(set) var verdict: Verdict
  /// What there is, in one line.
  package private(set) var seen: String
  /// What to do about it, in one line.
  package private(set) var remedy: String?

  /// What was seen, and what to do about it.
  package init(_ verdict: Verdict, _ seen: String, do remedy: String? = nil) {
    self.verdict = verdict
    self.seen = seen
    self.remedy = remedy
  }

  static func ok(_ seen: String) -> Observation { Observation(.ok, seen) }

  static func warn(_ seen: String, do remedy: String? = nil) -> Observation {
    Observation(.warn, seen, do: remedy)
  }

  static func missing(_ seen: String, do remedy: String? = nil) -> Observation {
    Observation(.missing, seen, do: remedy)
  }

  static func unknown(_ seen: String, do remedy: String? = nil) -> Observation {
    Observation(.unknown, seen, do: remedy)
  }

  /// Replaces what could not be determined by what an attempt has shown since.
  package mutating func settle(by proof: String) {
    guard verdict == .unknown else { return }
    self = .ok(proof)
  }

  /// A check that failed.
  package init(_ verdict: Verdict, _ failure: Failure) {
    self.init(verdict, failure.line, do: failure.hint)
  }
}

/// One line of the pre-flight's report.
package struct Finding: Equatable, Sendable {
  /// What was checked, in one word.
  package let item: String
  /// What the check showed.
  package var observation: Observation

  /// A line about one item.
  package init(_ item: String, _ observation: Observation) {
    self.item = item
    self.observation = observation
  }
}

extension Finding: CustomStringConvertible {
  /// Verdict, item, what was seen and, behind an arrow, what to do.
  package var description: String { observation.line(about: item) }
}

extension Observation {
  /// What was seen and, behind an arrow, what to do.
  var words: String { remedy.map { "\(seen) -> \($0)" } ?? seen }

  /// The line about an item.
  func line(about item: String) -> String { pad(verdict.rawValue, 9) + pad(item, 20) + words }

  private func pad(_ word: String, _ width: Int) -> String {
    word + String(repeating: " ", count: max(1, width - word.count))
  }
}
