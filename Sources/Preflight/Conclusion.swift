// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The conclusion of all findings.
package enum Conclusion: Equatable, Sendable {
  /// A run can be made.
  case ready
  /// These items are missing.
  case notReady([String])
  /// These items could not be checked.
  case unknown([String])

  /// What is missing decides. Missing privilege alone does not, if it hides something: with
  /// privilege, nothing might be missing.
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

  /// The exit status of the check.
  package var status: Int32 {
    switch self {
    case .ready: 0
    case .notReady: 1
    case .unknown: 4
    }
  }

  /// One word for programs.
  package var word: String {
    switch self {
    case .ready: "ready"
    case .notReady: "not ready"
    case .unknown: "unknown"
    }
  }
}

extension Conclusion {
  /// The members of the check's document.
  package func figures(of findings: [Finding]) -> JSONObject {
    var object = JSONObject()
    object.add("conclusion", word)
    object.add(
      "items",
      findings.map { finding in
        var item = JSONObject()
        item.add("item", finding.item)
        item.add("verdict", finding.observation.verdict.rawValue)
        item.add("seen", finding.observation.seen)
        if let remedy = finding.observation.remedy { item.add("remedy", remedy) }
        return item
      })
    return object
  }

  /// Why the check does not end with 0; `nil` if it does.
  package func failure(on interface: String) -> Failure? {
    let operation = "receive on"
    return switch self {
    case .ready: nil
    case .notReady(let items):
      Failure(operation, on: interface, reason: "missing: \(items.joined(separator: ", "))")
    case .unknown(let items):
      Failure(
        operation, on: interface, reason: "could not check: \(items.joined(separator: ", "))",
        kind: .unsupported)
    }
  }
}

extension Conclusion: CustomStringConvertible {
  /// A clause for people, which follows the interface's name and a colon.
  package var description: String {
    switch self {
    case .ready: "ready"
    case .notReady(let items): "not ready; missing: \(items.joined(separator: ", "))"
    case .unknown(let items): "unknown; could not check: \(items.joined(separator: ", "))"
    }
  }
}
