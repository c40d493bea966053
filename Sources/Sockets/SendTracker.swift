// SPDX-License-Identifier: GPL-2.0-only

/// Which sends are complete.
///
/// The kernel numbers the zerocopy sends of a socket from 0 in 32 bits, one number for each that
/// was not refused, and reports ranges of them, in any order (`Documentation/networking/
/// msg_zerocopy.rst`). Here they are counted in 64 bits, which do not wrap.
package struct SendTracker: Sendable {
  /// Sends made: the number of the next one.
  package private(set) var issued: UInt64

  /// All sends below this are complete.
  private var completeBelow: UInt64

  /// Complete sends above it, in order, with gaps between.
  private var islands: [Range<UInt64>] = []

  /// - Parameter first: The number of the first send.
  package init(first: UInt64 = 0) {
    issued = first
    completeBelow = first
  }

  /// How many sends are not complete.
  package var outstanding: Int {
    Int(issued - completeBelow) - islands.reduce(0) { $0 + $1.count }
  }

  /// The first send that is not complete; `nil` if all are.
  package var oldestOutstanding: UInt64? { completeBelow < issued ? completeBelow : nil }

  /// Counts a send.
  ///
  /// - Returns: Its number.
  @discardableResult
  package mutating func issue() -> UInt64 {
    defer { issued += 1 }
    return issued
  }

  /// Whether all sends of a range are complete.
  package func isComplete(_ sends: Range<UInt64>) -> Bool {
    sends.upperBound <= completeBelow || sends.isEmpty
      || islands.contains { $0.lowerBound <= sends.lowerBound && sends.upperBound <= $0.upperBound }
      || (sends.lowerBound < completeBelow && isComplete(completeBelow..<sends.upperBound))
  }

  /// Records a completion that the kernel reports.
  ///
  /// - Parameters:
  ///   - first: `ee_info`, the first send's number in 32 bits.
  ///   - last: `ee_data`, the last one's.
  /// - Returns: `false` if these are not sends that were outstanding.
  package mutating func complete(first: UInt32, last: UInt32) -> Bool {
    let start = completeBelow + UInt64(first &- UInt32(truncatingIfNeeded: completeBelow))
    let range = start..<start + UInt64(last &- first) + 1
    guard range.upperBound <= issued, !islands.contains(where: { $0.overlaps(range) }) else {
      return false
    }
    let place = islands.firstIndex { $0.lowerBound > range.lowerBound } ?? islands.count
    islands.insert(range, at: place)
    if place + 1 < islands.count, islands[place + 1].lowerBound == range.upperBound {
      islands[place] = range.lowerBound..<islands.remove(at: place + 1).upperBound
    }
    if place > 0, islands[place - 1].upperBound == range.lowerBound {
      islands[place - 1] = islands[place - 1].lowerBound..<islands.remove(at: place).upperBound
    }
    if let lowest = islands.first, lowest.lowerBound == completeBelow {
      completeBelow = lowest.upperBound
      islands.removeFirst()
    }
    return true
  }
}
