// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import TestSupport
import Testing

struct WorkerGroupTests {
  private let counters = FlowCounters()
  /// Never raised.
  private let never: Event

  init() throws { never = try Event() }

  private func run(
    _ workers: [ScriptedWorker], for duration: Duration? = nil, _ wait: Wait = Wait(),
    every period: Duration = .zero
  ) throws -> (outcome: WorkerGroup.Outcome, intervals: [Interval]) {
    let recorder = IntervalRecorder(of: [counters], from: workers, every: period, as: .receive)
    let track = WorkerGroup.Track(workers, recordedBy: recorder)
    let outcome = try WorkerGroup().run([track], for: duration, wait)[0]
    return (outcome, recorder.history.intervals)
  }

  /// A worker that works until it is stopped, or for 10 seconds.
  private func patient(_ then: Failure? = nil) -> ScriptedWorker {
    ScriptedWorker { [never] wait throws(Failure) in
      do throws(Failure) {
        _ = try wait.limited(to: .seconds(10)).for(never.descriptor, to: "work")
      } catch {
        throw then ?? error
      }
    }
  }

  private func failure(of outcome: WorkerGroup.Outcome) -> Failure? {
    if case .failure(let failure) = outcome.end { failure } else { nil }
  }

  @Test("once all workers have ended a measurement is complete, and lasts until the last one has")
  func completes() throws {
    let workers = [
      ScriptedWorker(),
      ScriptedWorker { [counters] _ in
        pause(for: .milliseconds(30))
        var figures = FlowFigures()
        figures.deviceBytes = 77
        counters.publish(figures)
      },
    ]
    let outcome = try run(workers).outcome
    #expect(try outcome.end.get() == .complete)
    #expect(outcome.whole.total.bytes == 77)
    #expect(outcome.whole.length >= .milliseconds(30))
    #expect(workers[0].record.end < workers[1].record.end)
    #expect(workers.allSatisfy { $0.record.failure == nil && $0.record.lastCPU != nil })
  }

  /// A worker that counts some bytes after a time.
  private func counting(
    _ bytes: Int, in counters: FlowCounters, after time: Duration
  ) -> ScriptedWorker {
    ScriptedWorker { _ in
      pause(for: time)
      var figures = FlowFigures()
      figures.deviceBytes = bytes
      counters.publish(figures)
    }
  }

  @Test("two directions work at once, and each is recorded by itself, until its own end")
  func runsTwoDirections() throws {
    let other = FlowCounters()
    let workers = [
      counting(5, in: counters, after: .zero), counting(7, in: other, after: .milliseconds(150)),
    ]
    let recorders = [
      IntervalRecorder(
        of: [counters], from: [workers[0]], every: .milliseconds(40), as: .receive, isMutual: true),
      IntervalRecorder(
        of: [other], from: [workers[1]], every: .milliseconds(40), as: .send, isMutual: true),
    ]
    let outcomes = try WorkerGroup().run(
      zip(workers, recorders).map { WorkerGroup.Track([$0], recordedBy: $1) }, for: nil, Wait())
    #expect(outcomes.map(\.whole.total.bytes) == [5, 7])
    #expect(outcomes[0].whole.length < outcomes[1].whole.length)
    #expect(outcomes[1].whole.length >= .milliseconds(150))
    for recorder in recorders { #expect(!recorder.history.intervals.isEmpty) }
    let failed = try WorkerGroup().run(
      [
        WorkerGroup.Track([patient()], recordedBy: recorders[0]),
        WorkerGroup.Track(
          [ScriptedWorker { _ throws(Failure) in throw Failure("work") }],
          recordedBy: recorders[1]),
      ], for: nil, Wait())
    #expect(failed.map { failure(of: $0)?.operation } == ["work", "work"])
  }

  @Test("what the watch of the wait finds ends the measurement, and the workers with it")
  func watches() throws {
    let news = try Pipe()
    try news.write([1])
    let watch = ScriptedWatch(newsOn: news.reader.borrowed)
    watch.isOver = true
    let outcome = try run([patient(), patient()], Wait(watching: watch)).outcome
    #expect(failure(of: outcome)?.reason == "it is gone")
    #expect(outcome.whole.length < .seconds(5))
  }

  @Test("intervals are recorded while workers work")
  func records() throws {
    let (outcome, intervals) = try run(
      [patient()], for: .milliseconds(500), every: .milliseconds(100))
    #expect(try outcome.end.get() == .duration)
    // A busy host may come late to some. The last one is read at the end.
    #expect(2...6 ~= intervals.count)
  }

  @Test("a worker that fails ends the others, who did not fail")
  func fails() throws {
    let workers = [
      patient(), ScriptedWorker { _ throws(Failure) in throw Failure("work") }, patient(),
    ]
    let outcome = try run(workers).outcome
    #expect(failure(of: outcome)?.operation == "work")
    #expect(workers.map { $0.record.failure?.operation } == [nil, "work", nil])
    #expect(outcome.whole.length < .seconds(5))
  }

  @Test("a duration ends the workers")
  func endsAfterDuration() throws {
    let outcome = try run([patient(), patient()], for: .milliseconds(30)).outcome
    #expect(try outcome.end.get() == .duration)
    #expect(outcome.whole.length >= .milliseconds(30))
    #expect(outcome.whole.length < .seconds(5))
  }

  @Test("a stop ends the workers")
  func stops() throws {
    let stop = try Event()
    stop.raise()
    let workers = [patient()]
    let outcome = try run(workers, Wait(orStoppedBy: stop.descriptor)).outcome
    #expect(failure(of: outcome)?.kind == .stopped)
    #expect(workers[0].record.failure == nil)
  }

  @Test("the deadline of the wait is not the workers', and keeps no CPU busy once it has passed")
  func ignoresDeadline() throws {
    let before = CPUTime.ofThread
    let worker = ScriptedWorker { _ in pause(for: .milliseconds(500)) }
    let outcome = try run([worker], Wait(until: .now)).outcome
    #expect(CPUTime.ofThread - before < .milliseconds(50))
    #expect(try outcome.end.get() == .complete)
  }

  @Test("a worker's failure comes before a stop, and before the end of the duration")
  func prefersFailure() throws {
    let stop = try Event()
    stop.raise()
    let stopped = try run([patient(Failure("work"))], Wait(orStoppedBy: stop.descriptor)).outcome
    #expect(failure(of: stopped)?.operation == "work")
    let ended = try run([patient(Failure("work"))], for: .milliseconds(10)).outcome
    #expect(failure(of: ended)?.operation == "work")
  }

  @Test("the failure of the first worker is reported, in their order")
  func reportsFirst() throws {
    let workers = [
      patient(Failure("first")), ScriptedWorker { _ throws(Failure) in throw Failure("second") },
    ]
    #expect(failure(of: try run(workers).outcome)?.operation == "first")
  }

  @Test("a worker runs on its CPU; one whose CPU is not there does not work")
  func pins() throws {
    let cpu = try #require(try Affinity.allowed().last)
    let pinned = ScriptedWorker(on: cpu)
    #expect(try run([pinned]).outcome.end.get() == .complete)
    #expect(pinned.record.lastCPU == cpu)

    let missing = ScriptedWorker(on: CPUList.limit - 1) { _ throws(Failure) in
      throw Failure("work on a CPU that is not there")
    }
    let refused = failure(of: try run([missing, patient()]).outcome)
    #expect(refused?.operation == "pin a worker to")
    #expect(refused?.subject == "CPU \(CPUList.limit - 1)")
    #expect(refused?.errno == .invalidArgument)
  }
}
