// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What the check of one interface showed.
package struct CheckReport: Sendable {
  /// The interface's name.
  package let interface: String
  /// What was found; or why nothing was, such as that the interface is gone.
  package let result: Result<[Finding], Failure>

  /// What was found on an interface.
  package init(_ interface: String, _ result: Result<[Finding], Failure>) {
    self.interface = interface
    self.result = result
  }

  /// The conclusion of what was found; `nil` where nothing was.
  package var conclusion: Conclusion? { (try? result.get()).map(Conclusion.init) }

  /// Why the check does not end with 0; `nil` if it does.
  package var failure: Failure? {
    switch result {
    case .success(let findings): Conclusion(findings).failure(on: interface)
    case .failure(let failure): failure
    }
  }

  /// The conclusion for people, in a line that begins with the interface's name.
  package var line: String {
    switch result {
    case .success(let findings): "\(interface): \(Conclusion(findings))"
    case .failure(let failure): "\(interface): \(failure.line)"
    }
  }
}

// For people.
extension CheckReport {
  /// The lines of one interface, which is not named.
  package var text: String {
    switch result {
    case .success(let findings): findings.map(\.description).joined(separator: "\n")
    case .failure(let failure): Observation(.unknown, failure).line(about: "check")
    }
  }

  /// The lines of several interfaces, in a paragraph each. Every line begins with its interface's
  /// name, which has no space in it (`net/core/dev.c`, `dev_valid_name`): `grep` and `awk` take them
  /// apart.
  package static func text(of reports: [CheckReport]) -> String {
    let width = reports.map(\.interface.count).max() ?? 0
    return reports.map { report in
      let name = report.interface
      let margin = name + String(repeating: " ", count: width - name.count + 2)
      return report.text.split(separator: "\n").map { margin + $0 }.joined(separator: "\n")
    }.joined(separator: "\n\n")
  }
}
