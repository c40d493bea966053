// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What a look at one thing came to.
package struct Observation: Equatable, Sendable {
  /// Whether a thing is as a run needs it.
  package enum Verdict: String, Sendable {
    case ok
    /// A run goes on, but some cannot, or not as well as they could.
    case warn
    /// No run goes on without it.
    case missing
    /// It could not be looked at, and no run goes on without it.
    case unknown
  }

  package private(set) var verdict: Verdict
  /// What there is, in one line.
  package private(set) var seen: String
  /// What to do about it, in one line.
  package private(set) var remedy: String?

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

  /// Replaces what could not be seen by what an attempt has shown since.
  package mutating func settle(by proof: String) {
    guard verdict == .unknown else { return }
    self = .ok(proof)
  }

  /// What a look that failed tells.
  package init(_ verdict: Verdict, _ failure: Failure) {
    var seen = "cannot \(failure.operation)"
    if !failure.subject.isEmpty { seen += " \(failure.subject)" }
    let why = [failure.errno.map { "\($0.name) (\($0.text))" }, failure.reason]
    for part in why.compactMap(\.self) { seen += ": \(part)" }
    self.init(verdict, seen, do: failure.hint)
  }
}

/// One line of the pre-flight's report.
package struct Finding: Equatable, Sendable {
  /// What was looked at, in one word.
  package let item: String
  package var observation: Observation

  package init(_ item: String, _ observation: Observation) {
    self.item = item
    self.observation = observation
  }
}

extension Finding: CustomStringConvertible {
  /// Verdict, item, what was seen and, behind an arrow, what to do.
  package var description: String {
    let verdict = observation.verdict.rawValue
    let line = pad(verdict, 9) + pad(item, 20) + observation.seen
    return observation.remedy.map { "\(line) -> \($0)" } ?? line
  }

  private func pad(_ word: String, _ width: Int) -> String {
    word + String(repeating: " ", count: max(1, width - word.count))
  }
}
