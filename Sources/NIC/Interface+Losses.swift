// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Interface {
  /// What of the steering that a run has set up is not in force any more, one line for each. A
  /// device that is reset may lose rules and table while its queues stay bound
  /// (`drivers/net/ethernet/google/gve/gve_main.c`, `gve_reset_recovery`).
  ///
  /// - Parameter changes: What the run has made; only steering counts.
  package mutating func losses(among changes: [Change]) throws(Failure) -> [String] {
    var lines: [String] = []
    let rules = changes.contains { $0.insertedRule != nil } ? try flowRules() : []
    for change in changes {
      switch change {
      case .flowRule(let rule, _):
        if !rules.contains(where: rule.isReported) {
          lines.append("flow rule \(rule.location) of \(subject) is gone")
        }
      case .context(.some(let id), let table, _):
        let present = try rssTable(ofContext: id)
        if present == nil { lines.append("RSS context \(id) of \(subject) is gone") }
        if let present, present != table {
          lines.append("RSS context \(id) of \(subject) has another table")
        }
      case .rss(_, _, let made):
        guard try rss().table != made.table else { continue }
        lines.append("the RSS table of \(subject) is another")
      default: continue
      }
    }
    return lines
  }
}
