// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Testing
import Transfer

/// Figures of a flow, each another number.
private func figures(_ bytes: Int) -> FlowFigures {
  var figures = FlowFigures()
  figures.deviceBytes = bytes
  figures.linearBytes = 2
  figures.plainBytes = 3
  figures.fragments = 4
  figures.calls = 5
  figures.returnCalls = 6
  figures.tokensReturned = 1
  return figures
}

struct IntervalTests {
  @Test(
    "the mean of the CPUs is that of those that are known",
    arguments: [
      ([], nil), ([nil, nil], nil), ([0, nil], 0), ([10000, nil, 5000], 7500), ([1, 2], 1),
    ] as [([Int?], Int?)])
  func averages(idle: [Int?], mean: Int?) {
    let interval = Interval(
      start: .zero, end: .zero, flows: [], tokensOutstanding: [], idleHundredths: idle)
    #expect(interval.meanIdleHundredths == mean)
  }

  @Test("an interval has a length, and the sum of its flows")
  func addsUp() {
    let interval = Interval(
      start: .milliseconds(1500), end: .seconds(2), flows: [figures(10), figures(20)],
      tokensOutstanding: [0, 0], idleHundredths: [])
    #expect(interval.length == .milliseconds(500))
    #expect(interval.total == figures(10) + figures(20))
    #expect(interval.total.bytes == 40)
  }
}

struct IntervalTableTests {
  private func interval(_ flows: [FlowFigures], idle: [Int?]) -> Interval {
    Interval(
      start: .seconds(1), end: .milliseconds(1500), flows: flows,
      tokensOutstanding: flows.indices.map { $0 + 7 }, idleHundredths: idle)
  }

  @Test("a receiver's lines stand below its columns, one for each flow and one for all")
  func linesUpReceiver() {
    let table = IntervalTable(for: .receive, workers: [[1], [0]], flowCount: 2)
    #expect(
      [table.header]
        + table.lines(of: interval([figures(1_000_000_000), figures(0)], idle: [9750, nil])) == [
          " flow       seconds   Gbit/s  device bytes  linear     plain fragments  recvmsg "
            + "DONTNEED tokens out  idle %",
          "    0       1.0-1.5   16.000    1000000000       2         3         4        5 "
            + "       6          7       -",
          "    1       1.0-1.5    0.000             0       2         3         4        5 "
            + "       6          8   97.50",
          "  sum       1.0-1.5   16.000    1000000000       4         6         8       10 "
            + "      12         15   97.50",
        ])
  }

  @Test("a receiver by sockets has no columns of device memory, but one of mapped pages")
  func linesUpSockets() {
    let table = IntervalTable(for: .receive, by: .socket, workers: [[0]], flowCount: 1)
    var received = FlowFigures()
    received.plainBytes = 100
    received.mappedBytes = 40
    received.calls = 5
    #expect(
      [table.header] + table.lines(of: interval([received], idle: [5])) == [
        " flow       seconds   Gbit/s         bytes        mapped     recv  idle %",
        "  sum       1.0-1.5    0.000           100            40        5    0.05",
      ])
  }

  @Test("a sender has fewer columns, and one flow needs no sum beside it")
  func linesUpSender() {
    let table = IntervalTable(for: .send, workers: [[0]], flowCount: 1)
    #expect(
      [table.header] + table.lines(of: interval([figures(95)], idle: [5])) == [
        " flow       seconds   Gbit/s         bytes  sendmsg  idle %",
        "  sum       1.0-1.5    0.000           100        5    0.05",
      ])
  }

  @Test("of very many flows those with the least, the median and the most bytes have a line")
  func showsSome() {
    let count = IntervalTable.lineLimit + 1
    let table = IntervalTable(for: .send, workers: [], flowCount: count)
    let flows = (0..<count).map { figures($0 == 0 ? 1000 : $0) }
    let lines = table.lines(of: interval(flows, idle: []))
    let names = lines.map { $0.prefix(5).trimmingPrefix { $0 == " " } }
    #expect(names == ["1", "33", "0", "sum"])
    let all = table.lines(of: interval(Array(flows.dropLast()), idle: []))
    #expect(all.count == count)
  }

  @Test("an interval of the warm-up is marked")
  func marks() {
    let table = IntervalTable(for: .send, workers: [[0]], flowCount: 1)
    let warmUp = Interval(
      start: .zero, end: .seconds(1), flows: [figures(95)], tokensOutstanding: [0],
      idleHundredths: [5], isOmitted: true)
    #expect(
      table.lines(of: warmUp)
        == ["  sum       0.0-1.0    0.000           100        5    0.05  (omitted)"])
  }

  @Test("a number that is too wide for its column moves the rest, and never touches another")
  func widens() {
    let table = IntervalTable(for: .send, workers: [[0]], flowCount: 1)
    let lines = table.lines(of: interval([figures(999_999_999_999_999)], idle: [nil]))
    #expect(lines == ["  sum       1.0-1.5 16000000.000 1000000000000004        5       -"])
  }
}

struct IntervalHistoryTests {
  /// Adds so many intervals of a second, the first of which has 1 byte, the next 2, and so on.
  private func history(of count: Int, limit: Int) -> IntervalHistory {
    var history = IntervalHistory(limit: limit)
    for second in 0..<count {
      history.append(
        Interval(
          start: .seconds(second), end: .seconds(second + 1), flows: [figures(second + 1)],
          tokensOutstanding: [second], idleHundredths: [second * 10, nil]))
    }
    return history
  }

  @Test(
    "neighbours become one when there are too many, and nothing of them is lost",
    arguments: [
      // How many, what one of them is made of, and the lengths in seconds.
      (1, 1, [1]), (4, 1, [1, 1, 1, 1]), (5, 2, [2, 2, 1]), (6, 2, [2, 2, 2]),
      (7, 2, [2, 2, 2, 1]),
      (8, 2, [2, 2, 2, 2]), (9, 2, [2, 2, 2, 2, 1]), (10, 4, [4, 4, 2]), (13, 4, [4, 4, 4, 1]),
      (1000, 256, [256, 256, 256, 232]),
    ])
  func merges(count: Int, readings: Int, lengths: [Int]) {
    let history = history(of: count, limit: 4)
    let intervals = history.intervals
    #expect(history.readingsPerInterval == readings)
    #expect(intervals.map(\.length) == lengths.map { .seconds($0) })
    #expect(intervals.first?.start == .zero)
    #expect(intervals.last?.end == .seconds(count))
    #expect(zip(intervals, intervals.dropFirst()).allSatisfy { $0.end == $1.start })
    let total = intervals.reduce(FlowFigures()) { $0 + $1.total }
    #expect(total.deviceBytes == count * (count + 1) / 2)
    #expect(total.calls == 5 * count)
    // What was outstanding at the end of each, and the mean of the idle times.
    for interval in intervals {
      let (first, last) = (interval.start.components.seconds, interval.end.components.seconds - 1)
      #expect(interval.tokensOutstanding == [Int(last)])
      #expect(interval.idleHundredths == [Int(first + last) * 5, nil])
    }
  }

  @Test("idle time counts by the length of its interval")
  func weighs() {
    var history = IntervalHistory(limit: 2)
    for (start, end, idle) in [(0, 1, 100), (1, 4, 500), (4, 5, 0)] {
      history.append(
        Interval(
          start: .seconds(start), end: .seconds(end), flows: [], tokensOutstanding: [],
          idleHundredths: [idle]))
    }
    #expect(history.intervals.map(\.idleHundredths) == [[400], [0]])
  }

  @Test("however long a run is, its report has a limit in size", arguments: [1, 64, 1024])
  func isBounded(flows: Int) {
    var history = IntervalHistory(flowCount: flows)
    let none = [FlowFigures](repeating: FlowFigures(), count: flows)
    let tokens = [Int](repeating: 0, count: flows)
    let count = 2 * IntervalHistory.figuresLimit / flows
    for second in 0..<count {
      history.append(
        Interval(
          start: .seconds(second), end: .seconds(second + 1), flows: none,
          tokensOutstanding: tokens, idleHundredths: []))
    }
    let kept = history.intervals.count
    #expect(kept <= IntervalHistory.intervalLimit + 1)
    #expect(kept * flows <= IntervalHistory.figuresLimit + flows)
    #expect(history.intervals.last?.end == .seconds(count))
  }
}

struct IntervalRecorderTests {
  private let counters = [FlowCounters(), FlowCounters()]

  private func recorder(
    every period: Duration, from workers: [ScriptedWorker] = []
  ) -> IntervalRecorder {
    IntervalRecorder(of: counters, from: workers, every: period, as: .receive)
  }

  @Test("an interval is read once it is over, and has what passed meanwhile")
  func reads() throws {
    let recorder = recorder(every: .milliseconds(200))
    counters[0].publish(figures(100))
    try recorder.begin()
    #expect(recorder.nextReading == recorder.start.advanced(by: .milliseconds(200)))
    try recorder.readIfDue()
    #expect(recorder.history.intervals.isEmpty)

    pause(for: .milliseconds(200))
    counters[1].publish(figures(30))
    try recorder.readIfDue()
    counters[0].publish(figures(150))
    // Later than the end of the interval after it: that one is left out, and none is caught up on.
    pause(for: .milliseconds(500))
    try recorder.readIfDue()
    try recorder.readIfDue()

    let (first, second) = (recorder.history.intervals[0], recorder.history.intervals[1])
    #expect(recorder.history.intervals.count == 2)
    #expect(first.start == .zero)
    #expect(first.length >= .milliseconds(200))
    #expect(first.flows == [figures(100), figures(30)])
    #expect(first.tokensOutstanding == [3, 3])
    #expect(second.start == first.end)
    #expect(second.length >= .milliseconds(500))
    #expect(second.flows == [figures(150) - figures(100), FlowFigures()])
    let next = try #require(recorder.nextReading).since(recorder.start)
    #expect(next > second.end)
    #expect(next <= second.end + .milliseconds(200))
    #expect(next.nanoseconds % 200_000_000 == 0)
  }

  @Test(
    "what is left at the end is an interval if it is a tenth of a second, and always in the whole",
    arguments: [(50, 0), (99, 0), (100, 1), (700, 1)])
  func finishes(milliseconds: Int, count: Int) throws {
    let recorder = recorder(every: .seconds(1))
    try recorder.begin()
    counters[0].publish(figures(10))
    let whole = try recorder.finish(
      at: recorder.start.advanced(by: .milliseconds(milliseconds)))
    #expect(
      recorder.history.intervals.map(\.length)
        == [Duration](repeating: .milliseconds(milliseconds), count: count))
    #expect(whole.start == .zero)
    #expect(whole.end == .milliseconds(milliseconds))
    #expect(whole.flows == [figures(10), FlowFigures()])
    #expect(whole.tokensOutstanding == [3, 0])
  }

  @Test("without a period there is nothing but the whole")
  func recordsWhole() throws {
    let recorder = recorder(every: .zero)
    try recorder.begin()
    #expect(recorder.nextReading == nil)
    try recorder.readIfDue()
    let whole = try recorder.finish(at: recorder.start.advanced(by: .seconds(5)))
    #expect(recorder.history.intervals.isEmpty)
    #expect(whole.length == .seconds(5))
    // An end before the start, of workers that never worked.
    #expect(try recorder.finish(at: recorder.start.advanced(by: .seconds(-1))).end == .zero)
  }

  @Test("a warm-up ends where it is to, and its intervals are marked and not in the whole")
  func omits() throws {
    let worker = ScriptedWorker()
    let recorder = IntervalRecorder(
      of: counters, from: [worker], every: .milliseconds(200), omitting: .milliseconds(300),
      as: .receive)
    try recorder.begin()
    counters[0].publish(figures(100))
    pause(for: .milliseconds(200))
    try recorder.readIfDue()
    #expect(recorder.nextReading == recorder.start.advanced(by: .milliseconds(300)))
    pause(for: .milliseconds(100))
    try recorder.readIfDue { [.seconds(2)] }
    let warmUp = try #require(recorder.omitted)
    #expect(warmUp.flows == [figures(100), FlowFigures()])
    #expect(warmUp.start == .zero)
    // The next one ends a period after the warm-up's last reading, not after a multiple of periods.
    let next = try #require(recorder.nextReading).since(recorder.start)
    #expect(next == warmUp.end + .milliseconds(200))
    counters[1].publish(figures(30))
    let whole = try recorder.finish(at: recorder.start.advanced(by: .milliseconds(600)))
    #expect(whole.start == warmUp.end)
    #expect(whole.end == .milliseconds(600))
    #expect(whole.flows == [FlowFigures(), figures(30)])
    #expect(recorder.omittedHistory.intervals.map(\.isOmitted) == [true, true])
    #expect(recorder.history.intervals.map(\.isOmitted) == [false])
    worker.record.cpuTime = .seconds(5)
    #expect(recorder.cpuTime(ofWorker: 0) == .seconds(3))
  }

  @Test("a run that ends before its warm-up has a whole of no length", arguments: [0, 1000])
  func omitsAll(period: Int) throws {
    let worker = ScriptedWorker()
    worker.record.cpuTime = .seconds(5)
    let recorder = IntervalRecorder(
      of: counters, from: [worker], every: .milliseconds(period), omitting: .seconds(9),
      as: .receive)
    try recorder.begin()
    counters[0].publish(figures(100))
    let whole = try recorder.finish(at: recorder.start.advanced(by: .milliseconds(600)))
    #expect(whole.length == .zero)
    #expect(whole.total == FlowFigures())
    #expect(recorder.omitted?.total == figures(100))
    #expect(recorder.omitted?.length == .milliseconds(600))
    #expect(recorder.cpuTime(ofWorker: 0) == .zero)
  }

  @Test("a CPU that is not there, or that nobody is pinned to, has no idle time")
  func knowsCPUs() throws {
    let cpu = try #require(try Affinity.allowed().first)
    let recorder = recorder(
      every: .zero,
      from: [ScriptedWorker(), ScriptedWorker(on: CPUList.limit - 1), ScriptedWorker(on: cpu)])
    try recorder.begin()
    // Some clock ticks.
    pause(for: .milliseconds(100))
    let whole = try recorder.finish(at: .now)
    #expect(whole.idleHundredths[..<2] == [nil, nil])
    let idle = try #require(whole.idleHundredths[2])
    #expect(0...10000 ~= idle)
  }
}
