// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Throughput

/// Reads the counters of a measurement's flows at intervals, and tells of each at once.
final class ThroughputReporter {
  /// What passed between two readings.
  struct Interval {
    /// In seconds since the start.
    let start: Double
    let end: Double
    let flows: [FlowFigures]
    /// What the NIC had not got back at the end, of each flow.
    let tokensOutstanding: [Int]
    /// How much each worker's CPU was idle, in hundredths of a percent, where that is known.
    let idleHundredths: [Int?]

    var seconds: Double { end - start }
  }

  /// Intervals that are kept for the report at the end; later ones are only told of.
  static let intervalLimit = 10_000

  private let counters: [FlowCounters]
  private let workers: [any FlowWorker]
  private let table: FlowTable
  private let period: Int

  private(set) var start = Instant.now
  private(set) var intervals: [Interval] = []
  /// How many intervals were not kept.
  private(set) var intervalsLeftOut = 0
  /// The run as one interval.
  private(set) var whole: Interval?

  private var startTimes: [Int: CPUTimes] = [:]
  private var lastTimes: [Int: CPUTimes] = [:]
  private var lastReport = Instant.now
  private var lastFigures: [FlowFigures]

  /// - Parameter period: How many seconds an interval has; 0 for none.
  init(
    of counters: [FlowCounters], from workers: [any FlowWorker], every period: Int,
    table: FlowTable
  ) {
    self.counters = counters
    self.workers = workers
    self.period = period
    self.table = table
    lastFigures = counters.map { _ in FlowFigures() }
  }

  /// Notes when the measurement begins.
  func begin() throws(Failure) {
    startTimes = try CPUTimes.now()
    lastTimes = startTimes
    start = .now
    lastReport = start
    if period > 0 { Diagnostics.print(table.header) }
  }

  /// When `report` has something to do again; never if `nil`.
  var nextReport: Instant? {
    guard period > 0 else { return nil }
    let passed = Int(lastReport.since(start).components.seconds) / period
    return start.advanced(milliseconds: (passed + 1) * period * 1000)
  }

  /// Tells of the interval that is over, if one is.
  func report() throws(Failure) {
    guard let nextReport, nextReport <= .now else { return }
    try take(at: .now)
  }

  /// Tells of what is left of the last interval, and of the whole.
  func finish(at end: Instant) throws(Failure) {
    if period > 0, end.seconds(since: lastReport) >= 0.1 { try take(at: end) }
    let times = try CPUTimes.now()
    let figures = counters.map(\.figures)
    let whole = Interval(
      start: 0, end: max(0, end.seconds(since: start)), flows: figures,
      tokensOutstanding: figures.map(\.tokensOutstanding),
      idleHundredths: idle(from: startTimes, to: times))
    self.whole = whole
    Diagnostics.print("the whole run:")
    if period == 0 { Diagnostics.print(table.header) }
    tell(whole)
  }

  private func take(at end: Instant) throws(Failure) {
    let times = try CPUTimes.now()
    let figures = counters.map(\.figures)
    let interval = Interval(
      start: lastReport.seconds(since: start), end: end.seconds(since: start),
      flows: zip(figures, lastFigures).map { $0 - $1 },
      tokensOutstanding: figures.map(\.tokensOutstanding),
      idleHundredths: idle(from: lastTimes, to: times))
    lastTimes = times
    lastFigures = figures
    lastReport = end
    if intervals.count < Self.intervalLimit {
      intervals.append(interval)
    } else {
      intervalsLeftOut += 1
    }
    tell(interval)
  }

  private func idle(from earlier: [Int: CPUTimes], to later: [Int: CPUTimes]) -> [Int?] {
    workers.map { worker in
      guard let cpu = worker.cpu, let before = earlier[cpu], let after = later[cpu] else {
        return nil
      }
      return after.idleHundredths(since: before)
    }
  }

  private func tell(_ interval: Interval) {
    var idleOfFlow = [Int?](repeating: nil, count: interval.flows.count)
    for (worker, idle) in zip(workers, interval.idleHundredths) {
      for flow in worker.flowIndices { idleOfFlow[flow] = idle }
    }
    if interval.flows.count > 1 {
      for (index, flow) in interval.flows.enumerated() {
        Diagnostics.print(
          table.line(
            String(index), interval, flow, tokens: interval.tokensOutstanding[index],
            idleHundredths: idleOfFlow[index]))
      }
    }
    Diagnostics.print(
      table.line(
        "sum", interval, interval.flows.reduce(FlowFigures(), +),
        tokens: interval.tokensOutstanding.reduce(0, +),
        idleHundredths: Self.mean(interval.idleHundredths)))
  }

  /// The mean of what is known; `nil` if nothing is.
  static func mean(_ values: [Int?]) -> Int? {
    let known = values.compactMap { $0 }
    return known.isEmpty ? nil : known.reduce(0, +) / known.count
  }
}
