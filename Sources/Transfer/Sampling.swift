// SPDX-License-Identifier: GPL-2.0-only

/// Which pieces of a stream are checked: the first of each so many.
struct Sampling {
  private let interval: Int
  private var piecesToSkip = 0

  /// - Parameter interval: Of how many pieces the first one is checked, at least 1.
  init(every interval: Int) { self.interval = interval }

  /// Whether all are checked.
  var takesAll: Bool { interval == 1 }

  /// Whether the next piece is to be checked.
  @inline(__always)
  mutating func takesNext() -> Bool {
    guard piecesToSkip == 0 else {
      piecesToSkip -= 1
      return false
    }
    piecesToSkip = interval &- 1
    return true
  }
}
