// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What passed between two readings of a measurement's counters.
package struct Interval: Equatable, Sendable {
  /// When it began, since the start of the measurement.
  package let start: Duration
  /// When it ended, since the start of the measurement.
  package let end: Duration
  /// Of each flow.
  package let flows: [FlowFigures]
  /// What the NIC had not got back at the end, of each flow.
  package let tokensOutstanding: [Int]
  /// How much each worker's CPU was idle, in hundredths of a percent, where that is known.
  package let idleHundredths: [Int?]

  /// States what passed in an interval.
  package init(
    start: Duration, end: Duration, flows: [FlowFigures], tokensOutstanding: [Int],
    idleHundredths: [Int?]
  ) {
    self.start = start
    self.end = end
    self.flows = flows
    self.tokensOutstanding = tokensOutstanding
    self.idleHundredths = idleHundredths
  }

  /// How much time it has.
  package var length: Duration { end - start }

  /// All flows together.
  package var total: FlowFigures { flows.reduce(FlowFigures(), +) }

  /// The mean of what is known of the CPUs; `nil` if nothing is.
  package var meanIdleHundredths: Int? {
    let known = idleHundredths.compactMap { $0 }
    return known.isEmpty ? nil : known.reduce(0, +) / known.count
  }
}

/// Reads the counters of a measurement's flows at intervals, and prints each interval at once.
package final class IntervalRecorder {
  private let counters: [FlowCounters]
  private let workers: [any FlowWorker]
  private let table: IntervalTable
  private let period: Duration

  /// When the measurement began.
  package private(set) var start = Instant.now
  /// The intervals so far.
  package private(set) var history: IntervalHistory

  private var startTimes: [Int: CPUTimes] = [:]
  private var lastTimes: [Int: CPUTimes] = [:]
  private var lastReading = Instant.now
  private var lastFigures: [FlowFigures]

  /// - Parameters:
  ///   - period: How much time an interval has; zero for no intervals.
  ///   - role: Which end this is, for the columns that are printed.
  ///   - history: What keeps them for the report at the end.
  package init(
    of counters: [FlowCounters], from workers: [any FlowWorker], every period: Duration,
    as role: MeasurementRole, keeping history: IntervalHistory? = nil
  ) {
    self.counters = counters
    self.workers = workers
    self.period = period
    self.history = history ?? IntervalHistory(flowCount: counters.count)
    table = IntervalTable(
      for: role, workers: workers.map(\.flowIndices), flowCount: counters.count)
    lastFigures = counters.map { _ in FlowFigures() }
  }

  /// Begins the measurement.
  package func begin() throws(Failure) {
    startTimes = try CPUTimes.now()
    lastTimes = startTimes
    start = .now
    lastReading = start
    if period > .zero { Diagnostics.inform(table.header) }
  }

  /// When the next interval ends; never if `nil`.
  package var nextReading: Instant? {
    guard period > .zero else { return nil }
    let passed = lastReading.since(start).nanoseconds / period.nanoseconds
    return start.advanced(by: period * Int(passed + 1))
  }

  /// Reads and prints the interval that is over, if one is.
  package func readIfDue() throws(Failure) {
    guard let nextReading, nextReading <= .now else { return }
    try read(at: .now)
  }

  /// Reads and prints what is left of the last interval, and the whole.
  ///
  /// - Returns: The whole.
  package func finish(at end: Instant) throws(Failure) -> Interval {
    if period > .zero, end.since(lastReading) >= .milliseconds(100) { try read(at: end) }
    let times = try CPUTimes.now()
    let figures = counters.map(\.figures)
    let whole = Interval(
      start: .zero, end: max(.zero, end.since(start)), flows: figures,
      tokensOutstanding: figures.map(\.tokensOutstanding),
      idleHundredths: idle(from: startTimes, to: times))
    Diagnostics.inform("the whole run:")
    if period == .zero { Diagnostics.inform(table.header) }
    table.lines(of: whole).forEach(Diagnostics.inform)
    return whole
  }

  private func read(at end: Instant) throws(Failure) {
    let times = try CPUTimes.now()
    let figures = counters.map(\.figures)
    let interval = Interval(
      start: lastReading.since(start), end: end.since(start),
      flows: zip(figures, lastFigures).map { $0 - $1 },
      tokensOutstanding: figures.map(\.tokensOutstanding),
      idleHundredths: idle(from: lastTimes, to: times))
    lastTimes = times
    lastFigures = figures
    lastReading = end
    history.append(interval)
    table.lines(of: interval).forEach(Diagnostics.inform)
  }

  private func idle(from earlier: [Int: CPUTimes], to later: [Int: CPUTimes]) -> [Int?] {
    workers.map { worker in
      guard let cpu = worker.cpu, let before = earlier[cpu], let after = later[cpu] else {
        return nil
      }
      return after.idleHundredths(since: before)
    }
  }
}
