// SPDX-License-Identifier: GPL-2.0-only

/// CPUs by their numbers, as the kernel and people write lists of them: `0-3,8`.
package struct CPUList: Equatable, Sendable {
  /// Their numbers, in the order written, none twice.
  package let cpus: [Int]

  /// CPU numbers are below this: the most that a kernel is built for (`NR_CPUS`).
  package static let limit = 8192

  /// Reads a list: numbers and ascending ranges of them, with commas between. Gives `nil` for
  /// anything else, for a CPU that is named twice, and for a number that no CPU has.
  package init?(_ text: String) {
    var cpus: [Int] = []
    var known: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      guard ends.count <= 2, let first = Self.number(ends[0]), let last = Self.number(ends.last!),
        first <= last
      else { return nil }
      for cpu in first...last {
        guard known.insert(cpu).inserted else { return nil }
        cpus.append(cpu)
      }
    }
    self.cpus = cpus
  }

  private static func number(_ digits: Substring) -> Int? {
    guard digits.allSatisfy({ "0"..."9" ~= $0 }), let number = Int(digits), number < limit else {
      return nil
    }
    return number
  }
}
