// SPDX-License-Identifier: GPL-2.0-only

/// What all findings together come to.
package enum Conclusion: Equatable, Sendable {
  case ready
  /// These items are missing.
  case notReady([String])
  /// These items could not be looked at.
  case unknown([String])

  /// What is missing decides. Privilege does not, as long as the want of it keeps something from
  /// view: with it, all might be there.
  package init(_ findings: [Finding]) {
    func items(_ verdict: Observation.Verdict) -> [String] {
      findings.filter { $0.observation.verdict == verdict }.map(\.item)
    }
    let missing = items(.missing)
    let unknown = items(.unknown)
    let isHidden = missing == [Preflight.privilege] && !unknown.isEmpty
    if !missing.isEmpty && !isHidden {
      self = .notReady(missing)
    } else {
      self = unknown.isEmpty ? .ready : .unknown(missing + unknown)
    }
  }

  /// The exit status that stands for it.
  package var status: Int32 {
    switch self {
    case .ready: 0
    case .notReady: 1
    case .unknown: 4
    }
  }

  /// For programs.
  package var word: String {
    switch self {
    case .ready: "ready"
    case .notReady: "not ready"
    case .unknown: "unknown"
    }
  }
}

extension Conclusion: CustomStringConvertible {
  /// A clause for people.
  package var description: String {
    switch self {
    case .ready: "ready"
    case .notReady(let items): "not ready, for want of: \(items.joined(separator: ", "))"
    case .unknown(let items): "ready or not; not to be seen: \(items.joined(separator: ", "))"
    }
  }
}
