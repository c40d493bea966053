// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// A check as a test: what the kernel's test runners read, version 1 of KTAP
/// (`Documentation/dev-tools/ktap.rst`).
extension CheckReport {
  /// The report of one interface, whose items are the tests.
  package var ktap: String {
    KTAP.document(cases(), remarks: [line])
  }

  /// The report of several interfaces: each is a test, with its items for subtests.
  package static func ktap(of reports: [CheckReport]) -> String {
    KTAP.document(
      reports.map { report in
        guard let conclusion = report.conclusion else {
          return KTAP.Case(report.interface, report.failure?.outcome ?? .pass(""))
        }
        return KTAP.Case(report.interface, conclusion.outcome, subtests: report.cases())
      })
  }

  private func cases() -> [KTAP.Case] {
    switch result {
    case .success(let findings):
      let conclusion = Conclusion(findings)
      return findings.map { finding in
        let observation = finding.observation
        let isWarning = observation.verdict == .warn
        return KTAP.Case(
          finding.item, observation.outcome(in: conclusion),
          remarks: isWarning ? ["\(finding.item): warn: \(observation.words)"] : [])
      }
    case .failure(let failure):
      return [KTAP.Case("check", failure.outcome)]
    }
  }
}

extension Observation {
  /// What it means as a test.
  ///
  /// A warning passes, for runs work. What could not be found out is skipped, and not failed: the
  /// runner of kselftest takes the exit status 4, which the check then ends with, for a skip as well
  /// (`KSFT_SKIP`), and `ok ... # SKIP` is how kselftest's own helpers write one
  /// (`ksft_test_result_skip`). A missing privilege that hides the rest is skipped with it: where an
  /// item fails, its interface and the check would have to fail, too, and they do not.
  fileprivate func outcome(in conclusion: Conclusion) -> KTAP.Outcome {
    switch (verdict, conclusion) {
    case (.ok, _): .pass(words)
    case (.warn, _): .pass("")
    case (.unknown, _), (.missing, .unknown): .skip(words)
    case (.missing, _): .fail(words)
    }
  }
}

extension Conclusion {
  fileprivate var outcome: KTAP.Outcome {
    switch self {
    case .ready: .pass("")
    case .notReady(let items): .fail("missing: \(items.joined(separator: ", "))")
    case .unknown(let items): .skip("could not check: \(items.joined(separator: ", "))")
    }
  }
}

extension Failure {
  fileprivate var outcome: KTAP.Outcome { kind == .unsupported ? .skip(line) : .fail(line) }
}
