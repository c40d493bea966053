// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
internal import Synchronization

/// The threads of a measurement: starts them, has intervals recorded, and waits for their end.
package struct WorkerGroup {
  /// Why a measurement ended that did not fail.
  package enum End: Sendable {
    /// All flows did.
    case complete
    /// The duration passed.
    case duration
  }

  /// What one direction of a measurement has: workers, and what records them.
  package struct Track {
    fileprivate let workers: [any FlowWorker]
    /// What records these workers and no others.
    package let recorder: IntervalRecorder

    /// - Parameter recorder: Records these workers and no others.
    package init(_ workers: [any FlowWorker], recordedBy recorder: IntervalRecorder) {
      self.workers = workers
      self.recorder = recorder
    }
  }

  /// The result of a measurement.
  package struct Outcome: Sendable {
    /// The run as one interval.
    package let whole: Interval
    /// Why it ended: a failure of a worker, or of the kind `stopped` after a stop, comes first.
    package let end: Result<End, Failure>
  }

  private let stop: Event
  private let ended: Event

  /// Makes a group without threads.
  package init() throws(Failure) {
    (stop, ended) = try attempt("make events for workers") { () throws(Errno) in
      (try Event(), try Event())
    }
  }

  /// Has all workers work until they end, one of them fails, a duration passes or a stop comes.
  ///
  /// - Parameters:
  ///   - tracks: One for each direction; all work at once.
  ///   - duration: How long; `nil` for no limit.
  ///   - wait: Whose stop ends the measurement.
  /// - Returns: The outcome of each direction, in order. They end alike: one that fails ends all.
  /// - Throws: Why nothing was measured.
  package func run(
    _ tracks: [Track], for duration: Duration?, _ wait: Wait
  ) throws(Failure) -> [Outcome] {
    for track in tracks { try track.recorder.begin() }
    let deadline = duration.map { Instant.now.advanced(by: $0) }
    let workers = tracks.flatMap(\.workers)
    let working = Working(count: workers.count)
    var threads: [Thread] = []
    var end: Result<End, Failure>
    do throws(Failure) {
      for worker in workers { threads.append(try start(worker, counting: working)) }
      end = .success(try watch(threads, working, until: deadline, recording: tracks, wait))
    } catch {
      end = .failure(error)
    }
    stop.raise()
    for thread in threads { thread.join() }
    if let failure = workers.compactMap(\.record.failure).first { end = .failure(failure) }
    let isComplete = if case .success(.complete) = end { true } else { false }
    do throws(Failure) {
      return try tracks.map { track throws(Failure) in
        let last = track.workers.map(\.record.end).max() ?? .now
        return Outcome(
          whole: try track.recorder.finish(at: isComplete ? last : .now), end: end)
      }
    } catch {
      // What went wrong before is what counts.
      _ = try end.get()
      throw error
    }
  }

  /// How many workers have not ended, and whether one failed.
  private final class Working: Sendable {
    let count: Atomic<Int>
    let hasFailed = Atomic(false)

    init(count: Int) { self.count = Atomic(count) }
  }

  private func start(
    _ worker: any FlowWorker, counting working: Working
  ) throws(Failure) -> Thread {
    let (stop, ended) = (stop, ended)
    return try attempt("start a worker") { () throws(Errno) in
      try Thread {
        // Whatever the thread inherits that has set the run up: flows need none. It may fail only
        // where something has taken the right to drop them.
        try? Capabilities.drop()
        worker.run(Wait(orStoppedBy: stop.descriptor))
        if worker.record.failure != nil { working.hasFailed.store(true, ordering: .releasing) }
        working.count.subtract(1, ordering: .acquiringAndReleasing)
        ended.raise()
      }
    }
  }

  /// Records intervals until all workers have ended, one has failed, or the deadline passes. One
  /// that fails ends the others: what they measured would not be what was asked for.
  private func watch(
    _ threads: [Thread], _ working: Working, until deadline: Instant?,
    recording tracks: [Track], _ wait: Wait
  ) throws(Failure) -> End {
    while working.count.load(ordering: .acquiring) > 0,
      !working.hasFailed.load(ordering: .acquiring)
    {
      let next = (tracks.map(\.recorder.nextReading) + [deadline]).compactMap { $0 }.min()
      if try wait.ending(at: next).for(ended.descriptor, to: "wait for the workers") {
        ended.lower()
      }
      if let deadline, deadline <= .now { return .duration }
      var first = 0
      for track in tracks {
        let own = first..<first + track.workers.count
        try track.recorder.readIfDue { threads[own].map(\.cpuTime) }
        first = own.upperBound
      }
    }
    return .complete
  }
}
