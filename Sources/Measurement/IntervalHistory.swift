// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// The intervals that a measurement's report has, of which there are only so many however long it
/// takes: once they are too many, each two neighbours become one, and from then on twice as many
/// readings make one.
package struct IntervalHistory: Sendable {
  /// How many figures of flows are kept, over all intervals: they take 3 MiB, and with the
  /// sums of the intervals less than 20 MB as JSON.
  package static let figuresLimit = 40_000

  /// How many intervals are kept, of however few flows.
  package static let intervalLimit = 10_000

  /// Even, so that none is left over.
  private let limit: Int
  private var complete: [Interval] = []
  /// What has fewer readings so far than an interval is made of.
  private var incomplete: Interval?
  private var readings = 0

  /// How many readings an interval is made of, but for the last one, which may have fewer: a power
  /// of 2.
  package private(set) var readingsPerInterval = 1

  /// - Parameter flowCount: At least 1.
  package init(flowCount: Int) {
    self.init(limit: min(Self.intervalLimit, Self.figuresLimit / max(1, flowCount)))
  }

  /// - Parameter limit: How many intervals to keep, not counting the last one; rounded down to an
  ///   even number, at least 2.
  package init(limit: Int) { self.limit = max(2, limit & ~1) }

  /// The intervals so far, in order, without gaps.
  package var intervals: [Interval] { complete + (incomplete.map { [$0] } ?? []) }

  /// Adds what a reading found, which begins where the one before it ended.
  package mutating func append(_ interval: Interval) {
    incomplete = incomplete.map { $0.followed(by: interval) } ?? interval
    readings += 1
    guard readings == readingsPerInterval else { return }
    if complete.count == limit {
      complete = stride(from: 0, to: limit, by: 2).map {
        complete[$0].followed(by: complete[$0 + 1])
      }
      readingsPerInterval *= 2
      // What the limit left no room for is the first half of an interval now.
      return
    }
    complete.append(incomplete!)
    (incomplete, readings) = (nil, 0)
  }
}

extension Interval {
  /// This interval and the next one as one.
  fileprivate func followed(by next: Interval) -> Interval {
    Interval(
      start: start, end: next.end, flows: zip(flows, next.flows).map { $0 + $1 },
      tokensOutstanding: next.tokensOutstanding,
      idleHundredths: zip(idleHundredths, next.idleHundredths).map { idle, nextIdle in
        guard let idle, let nextIdle, next.end > start else { return nil }
        let share = length.inSeconds / (next.end - start).inSeconds
        return Int((Double(idle) * share + Double(nextIdle) * (1 - share)).rounded())
      }, isOmitted: isOmitted)
  }
}
