// SPDX-License-Identifier: GPL-2.0-only

import Sockets
import Testing

struct SendTrackerTests {
  /// A tracker with so many sends outstanding.
  private func tracker(_ count: Int, first: UInt64 = 0) -> SendTracker {
    var tracker = SendTracker(first: first)
    for _ in 0..<count { tracker.issue() }
    return tracker
  }

  @Test("completions in order, one by one and in ranges")
  func inOrder() {
    var tracker = tracker(5)
    complete(&tracker, 0, 0)
    #expect(tracker.oldestOutstanding == 1)
    complete(&tracker, 1, 4)
    #expect(tracker.oldestOutstanding == nil)
    #expect(tracker.outstanding == 0)
  }

  @Test(
    "completions in any order leave the same",
    arguments: [
      [(4, 4), (0, 1), (2, 3)], [(2, 3), (4, 4), (0, 1)], [(2, 3), (0, 1), (4, 4)],
      [(4, 4), (2, 3), (0, 1)],
    ] as [[(UInt32, UInt32)]])
  func anyOrder(ranges: [(UInt32, UInt32)]) {
    var tracker = tracker(5)
    var left = 5
    for (first, last) in ranges {
      complete(&tracker, first, last)
      left -= Int(last - first) + 1
      #expect(tracker.outstanding == left)
      #expect(tracker.isComplete(UInt64(first)..<UInt64(last) + 1))
    }
    #expect(tracker.oldestOutstanding == nil)
  }

  @Test("a range is complete only when all of it is")
  func wholeRanges() {
    var tracker = tracker(10)
    complete(&tracker, 0, 2)
    complete(&tracker, 5, 6)
    #expect(tracker.isComplete(0..<3))
    #expect(tracker.isComplete(5..<7))
    #expect(!tracker.isComplete(2..<4))
    #expect(!tracker.isComplete(4..<6))
    #expect(!tracker.isComplete(6..<8))
    complete(&tracker, 3, 4)
    #expect(tracker.isComplete(1..<7))
  }

  @Test("numbers wrap after 32 bits")
  func wraps() {
    var tracker = tracker(4, first: UInt64(UInt32.max) - 1)
    complete(&tracker, 0, 1)
    #expect(tracker.outstanding == 2)
    complete(&tracker, .max - 1, .max)
    #expect(tracker.outstanding == 0)

    var across = self.tracker(4, first: UInt64(UInt32.max) - 1)
    complete(&across, .max - 1, 1)
    #expect(across.outstanding == 0)
  }

  @Test("sends that were not made, or are complete already, are refused")
  func refusesUnknown() {
    var tracker = tracker(3)
    complete(&tracker, 3, 3, taken: false)
    complete(&tracker, 0, 5, taken: false)
    complete(&tracker, 2, 1, taken: false)
    complete(&tracker, 1, 1)
    complete(&tracker, 1, 1, taken: false)
    complete(&tracker, 0, 1, taken: false)
    complete(&tracker, 0, 0)
    complete(&tracker, 0, 0, taken: false)
    #expect(tracker.outstanding == 1)
  }

  /// Reports a completion to the tracker, which takes or refuses it.
  private func complete(
    _ tracker: inout SendTracker, _ first: UInt32, _ last: UInt32, taken expected: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let taken = tracker.complete(first: first, last: last)
    #expect(taken == expected, sourceLocation: sourceLocation)
  }
}
