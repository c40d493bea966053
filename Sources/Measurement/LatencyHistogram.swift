// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// How often each time was taken, in the form of an HdrHistogram: the buckets of each power of two
/// have a width of the 256th part of it, so that a value is kept to 0.4 %, whatever its size. Least,
/// greatest and mean value are exact.
package struct LatencyHistogram: Equatable, Sendable {
  /// How many buckets each power of two has.
  private static let bucketsPerOctave = 256
  /// Twice that: below it, in nanoseconds, each value has a bucket of its own.
  private static let linear = 2 * bucketsPerOctave
  /// The least power of two, as an exponent, whose values have no bucket: 68 seconds. What takes
  /// longer counts as the longest that has one.
  private static let octaves = 36
  private static let bucketCount = linear + (octaves - 9) * bucketsPerOctave

  private var buckets = [UInt32](repeating: 0, count: bucketCount)
  private var sum = 0
  private var least = Int.max
  private var greatest = 0

  /// How many values there are.
  package private(set) var count = 0

  /// A histogram without a value.
  package init() {}

  /// Counts a time. It allocates nothing.
  package mutating func record(_ time: Duration) {
    let value = max(0, Int(time.nanoseconds))
    let bucket = Self.bucket(of: value)
    // A count that has no room stays the greatest.
    buckets[bucket] = max(buckets[bucket], buckets[bucket] &+ 1)
    sum += value
    count += 1
    least = min(least, value)
    greatest = max(greatest, value)
  }

  /// Counts all values of another histogram as well.
  package mutating func add(_ other: LatencyHistogram) {
    for bucket in buckets.indices {
      let (total, overflows) = buckets[bucket].addingReportingOverflow(other.buckets[bucket])
      buckets[bucket] = overflows ? .max : total
    }
    sum += other.sum
    count += other.count
    least = min(least, other.least)
    greatest = max(greatest, other.greatest)
  }

  /// The least value; `nil` without one.
  package var minimum: Duration? { count == 0 ? nil : .nanoseconds(least) }
  /// The greatest value; `nil` without one.
  package var maximum: Duration? { count == 0 ? nil : .nanoseconds(greatest) }
  /// The mean value; `nil` without one.
  package var mean: Duration? { count == 0 ? nil : .nanoseconds(sum / count) }

  /// The value that is not exceeded by so many of 100; `nil` without a value.
  ///
  /// - Parameter percent: 0 to 100.
  package func value(atPercent percent: Double) -> Duration? { point(atPercent: percent)?.value }

  /// A point of the distribution.
  package struct Point: Equatable, Sendable {
    /// What part of the values does not exceed this one, in percent.
    package let percent: Double
    /// The value.
    package let value: Duration
    /// How many values do not exceed it.
    package let count: Int
  }

  /// The distribution: points that lie the closer together the nearer they are to 100 %, five
  /// before each halving of what is left, up to the greatest value.
  package var distribution: [Point] {
    var points: [Point] = []
    var (left, step) = (100.0, 0)
    while let point = point(atPercent: 100 - left), point.count < count {
      points.append(point)
      step += 1
      left = 100 * Double.halves(Double(step) / 5)
    }
    if let maximum { points.append(Point(percent: 100, value: maximum, count: count)) }
    return points
  }

  private func point(atPercent percent: Double) -> Point? {
    guard count > 0 else { return nil }
    let wanted = max(1, min(count, Int((percent / 100 * Double(count)).rounded(.up))))
    var seen = 0
    for (bucket, values) in buckets.enumerated() {
      seen += Int(values)
      guard seen >= wanted else { continue }
      let value = max(least, min(greatest, Self.greatestValue(in: bucket)))
      return Point(percent: percent, value: .nanoseconds(value), count: seen)
    }
    return Point(percent: percent, value: .nanoseconds(greatest), count: count)
  }

  private static func bucket(of value: Int) -> Int {
    guard value >= linear else { return value }
    let octave = min(octaves - 1, Int.bitWidth - 1 - value.leadingZeroBitCount)
    let shift = octave - 8
    let part = min(value >> shift, linear - 1) - bucketsPerOctave
    return linear + (octave - 9) * bucketsPerOctave + part
  }

  private static func greatestValue(in bucket: Int) -> Int {
    guard bucket >= linear else { return bucket }
    let (octave, part) = (bucket - linear).quotientAndRemainder(dividingBy: bucketsPerOctave)
    return (bucketsPerOctave + part + 1) << (octave + 1) - 1
  }
}

extension Double {
  /// One, halved so many times.
  fileprivate static func halves(_ times: Double) -> Double {
    var (rest, result) = (times, 1.0)
    while rest >= 1 { (rest, result) = (rest - 1, result / 2) }
    // Within a halving, in even steps.
    return result * (1 - rest / 2)
  }
}
