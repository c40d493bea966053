// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What became of several interfaces that were probed or checked in turn.
package struct InterfaceEnds {
  private var failures: [(interface: String, failure: Failure)] = []
  private var interfaces: [String] = []
  private var entries: [JSONObject] = []

  /// None yet.
  package init() {}

  /// Takes what became of the next interface.
  ///
  /// - Parameters:
  ///   - failure: Why it failed; `nil` if it did not. An interface that is not there any more was
  ///     there when the run began: that is no fault of the options.
  ///   - part: Has taken what was found.
  package mutating func add(_ interface: String, _ failure: Failure?, _ part: Document) {
    let failure = failure.map { $0.kind == .usage ? $0.counted(as: .failed) : $0 }
    interfaces.append(interface)
    if let failure { failures.append((interface, failure)) }
    entries.append(
      part.entry(of: interface, failure: failure, status: failure?.exitStatus() ?? 0))
  }

  /// The figures of the document about all of them.
  package var figures: JSONObject {
    var figures = JSONObject()
    figures.add("interfaces", entries)
    return figures
  }

  /// Why the run does not end with 0; `nil` if it does. What failed on one counts for more than what
  /// could not be done or found out on another.
  ///
  /// - Parameter operation: What was to be done, such as `receive on all of`.
  package func failure(to operation: String) -> Failure? {
    guard !failures.isEmpty else { return nil }
    let hasFailed = failures.contains { $0.failure.kind == .failed }
    return Failure(
      operation, on: interfaces.joined(separator: ", "),
      reason: failures.map { "\($0.interface): \($0.failure.reason ?? $0.failure.line)" }
        .joined(separator: "; "),
      kind: hasFailed ? .failed : .unsupported)
  }
}

extension Document {
  /// The name of the form that the document of several interfaces has.
  package static let formOfSeveral = "ncdevmem-interfaces-1"

  /// Takes what became of several interfaces.
  package mutating func report(_ ends: InterfaceEnds) {
    schema = Self.formOfSeveral
    report(ends.figures)
  }
}
