// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// How long both loops take, by turns.
struct Comparison: CustomStringConvertible {
  private let trial: Trial
  private let fragmentSize: Int
  /// Nanoseconds of CPU time that a fragment takes, in each run.
  private var tool: [Double] = []
  private var bare: [Double] = []

  /// Which `PAIRS` of runs to take. Memory is more than a cache holds: a NIC writes past it.
  init(of trial: Trial, fragmentSize: Int, pairs: Int) {
    self.trial = trial
    self.fragmentSize = fragmentSize
    let recording = Recording(
      fragmentSize: fragmentSize, memorySize: 64 << 20, scattersTokens: trial.scattersTokens)
    /// Nanoseconds that a fragment takes.
    func cost(_ side: Side, _ calls: Int) -> Double {
      let before = CPUTime.ofThread
      recording.run(trial, by: side, calls: calls)
      let spent = CPUTime.ofThread - before
      return spent.inSeconds * 1e9 / Double(calls * recording.fragmentsPerCall)
    }
    // Some 50 ms, of which the clock's steps are nothing; the first run only warms up.
    var calls = 64
    _ = cost(.tool, calls)
    let estimate = cost(.bare, calls) * Double(recording.fragmentsPerCall)
    calls = max(calls, Int(50e6 / estimate))
    for pair in 0..<pairs {
      for side in pair.isMultiple(of: 2) ? [Side.tool, .bare] : [.bare, .tool] {
        let nanoseconds = cost(side, calls)
        switch side {
        case .tool: tool.append(nanoseconds)
        case .bare: bare.append(nanoseconds)
        }
      }
    }
  }

  var description: String {
    let ratios = zip(tool, bare).map { $0 / $1 }.sorted()
    let figures = [median(tool), median(bare), median(ratios), ratios[0], ratios[ratios.count - 1]]
    let words = figures.map { String(Double(Int($0 * 1000)) / 1000) }
    return ([trial.rawValue, "\(fragmentSize)"] + words).joined(separator: " ")
  }

  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
