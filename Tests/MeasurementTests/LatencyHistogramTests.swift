// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Testing

struct LatencyHistogramTests {
  private func histogram(_ values: [Int]) -> LatencyHistogram {
    var histogram = LatencyHistogram()
    for value in values { histogram.record(.nanoseconds(value)) }
    return histogram
  }

  /// Times from nanoseconds to seconds, each order of magnitude alike.
  private func times(_ count: Int, _ generator: inout some RandomNumberGenerator) -> [Int] {
    (0..<count).map { _ in
      let most = 1 << Int.random(in: 1...33, using: &generator)
      return Int.random(in: most / 2...most, using: &generator)
    }
  }

  @Test("percentiles are those of the sorted values, to 0.4 %, and never less")
  func keepsPercentiles() {
    var generator = SystemRandomNumberGenerator()
    for count in [1, 2, 3, 10, 999, 20_000] {
      let values = times(count, &generator).sorted()
      let histogram = histogram(values.shuffled(using: &generator))
      for percent in [0, 0.1, 1, 25, 50, 90, 99, 99.9, 99.99, 100] {
        let rank = max(1, Int((percent / 100 * Double(count)).rounded(.up)))
        let exact = Double(values[rank - 1])
        let kept = Double(histogram.value(atPercent: percent)!.nanoseconds)
        #expect(kept >= exact && kept <= exact * (1 + 1 / 256.0), "\(percent) of \(count)")
      }
      #expect(histogram.count == count)
      #expect(histogram.minimum == .nanoseconds(values[0]))
      #expect(histogram.maximum == .nanoseconds(values[count - 1]))
      #expect(histogram.mean == .nanoseconds(values.reduce(0, +) / count))
    }
  }

  @Test("each power of two and its neighbours have a bucket, and so has what is too long")
  func keepsEdges() {
    for exponent in 0..<36 {
      for value in [1 << exponent - 1, 1 << exponent, 1 << exponent + 1] {
        let kept = histogram([value, value * 2]).value(atPercent: 50)!.nanoseconds
        #expect(kept >= value && Double(kept) <= Double(value) * (1 + 1 / 256.0), "\(value)")
      }
    }
    let long = histogram([1 << 40, 5])
    #expect(long.maximum == .nanoseconds(1 << 40))
    #expect(long.value(atPercent: 50) == .nanoseconds(5))
    #expect(histogram([-1]).value(atPercent: 100) == .zero)
  }

  @Test("without a value there is nothing to report")
  func isEmpty() {
    let empty = LatencyHistogram()
    #expect(empty.value(atPercent: 50) == nil && empty.minimum == nil && empty.maximum == nil)
    #expect(empty.mean == nil && empty.distribution.isEmpty)
  }

  @Test("two histograms together are one of all values")
  func adds() {
    var generator = SystemRandomNumberGenerator()
    let (ours, theirs) = (times(500, &generator), times(700, &generator))
    var sum = histogram(ours)
    sum.add(histogram(theirs))
    sum.add(LatencyHistogram())
    #expect(sum == histogram(ours + theirs))
  }

  @Test("the distribution rises to the greatest value, the closer to it the denser")
  func distributes() throws {
    var generator = SystemRandomNumberGenerator()
    for count in [1, 2, 1000, 50_000] {
      let histogram = histogram(times(count, &generator))
      let points = histogram.distribution
      let last = try #require(points.last)
      #expect(last.percent == 100 && last.count == count && last.value == histogram.maximum)
      for (one, next) in zip(points, points.dropFirst()) {
        #expect(one.percent < next.percent && one.count <= next.count && one.value <= next.value)
        #expect(Double(one.count) >= one.percent / 100 * Double(count))
      }
      #expect(points.count <= 5 * 17 + 1)
      if count == 50_000 {
        #expect(points.map(\.percent).prefix(7) == [0, 10, 20, 30, 40, 50, 55])
      }
    }
  }
}
