// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Transfer

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
  /// Whether it is a part of the warm-up, which the figures of the whole leave out (`--omit`).
  package let isOmitted: Bool

  /// States what passed in an interval.
  package init(
    start: Duration, end: Duration, flows: [FlowFigures], tokensOutstanding: [Int],
    idleHundredths: [Int?], isOmitted: Bool = false
  ) {
    self.isOmitted = isOmitted
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
  private let warmUp: Duration
  private let role: MeasurementRole
  private let isMutual: Bool
  private let stream: EventStream?

  /// When the measurement began.
  package var start: Instant { first.time }
  /// The intervals so far, without those of the warm-up.
  package private(set) var history: IntervalHistory
  /// The intervals of the warm-up so far.
  package private(set) var omittedHistory: IntervalHistory
  /// The warm-up as one interval, once it is over; `nil` without one.
  package private(set) var omitted: Interval?

  /// One look at all that is counted.
  private struct Reading {
    var time = Instant.now
    var figures: [FlowFigures]
    var cpus: [Int: CPUTimes] = [:]
  }

  private var first: Reading
  private var last: Reading
  /// What the figures of the whole begin with: the first reading, or that at the warm-up's end.
  private var base: Reading
  private var baseCPUTimes: [Duration?]

  /// - Parameters:
  ///   - period: How much time an interval has; zero for no intervals.
  ///   - warmUp: How much time the figures of the whole leave out, from the start on.
  ///   - role: Which end this is, for the columns that are printed.
  ///   - engine: What receives or sends, for the columns, too.
  ///   - isMutual: Whether another direction is recorded as well, so that each line and event has to
  ///     say of which one it is.
  ///   - history: What keeps them for the report at the end.
  ///   - stream: Takes each interval at its end; nothing does if `nil`.
  package init(
    of counters: [FlowCounters], from workers: [any FlowWorker], every period: Duration,
    omitting warmUp: Duration = .zero, as role: MeasurementRole, by engine: Engine = .devmem,
    isMutual: Bool = false, keeping history: IntervalHistory? = nil, to stream: EventStream? = nil
  ) {
    self.counters = counters
    self.workers = workers
    self.period = period
    self.warmUp = warmUp
    self.role = role
    self.isMutual = isMutual
    self.stream = stream
    self.history = history ?? IntervalHistory(flowCount: counters.count)
    omittedHistory = self.history
    table = IntervalTable(
      for: role, by: engine, isMutual: isMutual, workers: workers.map(\.flowIndices),
      flowCount: counters.count)
    first = Reading(figures: counters.map { _ in FlowFigures() })
    (last, base) = (first, first)
    baseCPUTimes = workers.map { _ in .zero }
  }

  /// Begins the measurement.
  package func begin() throws(Failure) {
    first.cpus = try CPUTimes.now()
    first.time = .now
    (last, base) = (first, first)
    if period > .zero { Diagnostics.inform(table.header) }
  }

  /// When the warm-up ends; `nil` if that is over, or there is none.
  private var warmUpEnd: Instant? {
    warmUp > .zero && omitted == nil ? start.advanced(by: warmUp) : nil
  }

  /// When the next interval ends; never if `nil`.
  package var nextReading: Instant? {
    guard period > .zero else { return warmUpEnd }
    // From the warm-up's end on, intervals are counted from there.
    let origin = base.time
    let passed = last.time.since(origin).nanoseconds / period.nanoseconds
    let next = origin.advanced(by: period * Int(passed + 1))
    return warmUpEnd.map { min($0, next) } ?? next
  }

  /// Reads and prints the interval that is over, if one is.
  ///
  /// - Parameter cpuTimes: What each worker's thread has used so far; `nil` of one that has ended.
  package func readIfDue(_ cpuTimes: () -> [Duration?] = { [] }) throws(Failure) {
    guard let nextReading, nextReading <= .now else { return }
    let now = try read()
    if period > .zero { note(now) }
    if let warmUpEnd, warmUpEnd <= now.time { endWarmUp(at: now, cpuTimes()) }
    last = now
  }

  /// Reads and prints what is left of the last interval, and the whole.
  ///
  /// - Returns: The whole, without the warm-up: of no length if the run ended before that did.
  package func finish(at end: Instant) throws(Failure) -> Interval {
    var now = try read()
    now.time = end
    if period > .zero, end.since(last.time) >= .milliseconds(100) { note(now) }
    if warmUpEnd != nil { endWarmUp(at: now, workers.map { _ in nil }) }
    let whole = interval(from: base, to: now)
    Diagnostics.inform(
      (omitted == nil ? "the whole run" : "the run without its warm-up")
        + (isMutual ? ", \(role.rawValue):" : ":"))
    if period == .zero { Diagnostics.inform(table.header) }
    table.lines(of: whole).forEach(Diagnostics.inform)
    return whole
  }

  /// Leaves out what was before a reading.
  private func endWarmUp(at now: Reading, _ cpuTimes: [Duration?]) {
    omitted = interval(from: first, to: now, isOmitted: true)
    base = now
    baseCPUTimes = cpuTimes
  }

  /// What of a worker's CPU time is not of the warm-up; for after the end of its thread.
  package func cpuTime(ofWorker number: Int) -> Duration {
    // What had ended in the warm-up has done nothing since.
    baseCPUTimes[number].map { workers[number].record.cpuTime - $0 } ?? .zero
  }

  private func read() throws(Failure) -> Reading {
    let times = try CPUTimes.now()
    return Reading(figures: counters.map(\.figures), cpus: times)
  }

  /// Keeps and prints the interval from the last reading to one.
  private func note(_ now: Reading) {
    let interval = interval(from: last, to: now, isOmitted: warmUpEnd != nil)
    if interval.isOmitted {
      omittedHistory.append(interval)
    } else {
      history.append(interval)
    }
    table.lines(of: interval).forEach(Diagnostics.inform)
    guard let stream else { return }
    var event = JSONObject()
    if isMutual { event.add("direction", role.rawValue) }
    event.add(contentsOf: interval.json(as: role))
    stream.print("interval", event)
  }

  private func interval(
    from earlier: Reading, to later: Reading, isOmitted: Bool = false
  ) -> Interval {
    let begin = max(.zero, earlier.time.since(start))
    return Interval(
      start: begin, end: max(begin, later.time.since(start)),
      flows: zip(later.figures, earlier.figures).map { $0 - $1 },
      tokensOutstanding: later.figures.map(\.tokensOutstanding),
      idleHundredths: idle(from: earlier.cpus, to: later.cpus), isOmitted: isOmitted)
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
