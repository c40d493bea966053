// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Synchronization

/// The threads of a measurement: starts them, has intervals reported, and sees them all ended.
struct WorkerCrew {
  /// Why a measurement ended.
  enum End {
    /// All flows did.
    case complete
    /// The duration passed.
    case duration
    /// A stop signal waits.
    case signal
  }

  /// Readable when workers are to stop.
  let stop: Event
  private let ended: Event

  init() throws(Failure) {
    (stop, ended) = try attempt("make events for workers") { () throws(Errno) in
      (try Event(), try Event())
    }
  }

  /// Has all workers work until they end, one of them fails, a duration passes or a stop signal
  /// comes.
  ///
  /// - Parameters:
  ///   - duration: In seconds; `nil` for however long it takes.
  ///   - signals: A descriptor that is readable when a signal waits.
  /// - Throws: The first failure of a worker.
  func run(
    _ workers: [any FlowWorker], for duration: Int?, reportingTo reporter: ThroughputReporter,
    orStoppedBy signals: CInt
  ) throws(Failure) -> End {
    let working = Working(count: workers.count)
    try reporter.begin()
    let deadline = duration.map { reporter.start.advanced(milliseconds: $0 * 1000) }
    var threads: [Thread] = []
    var failure: Failure?
    for worker in workers {
      do throws(Errno) {
        let stop = stop
        let ended = ended
        threads.append(
          try Thread {
            worker.run(orStoppedBy: stop.rawDescriptor)
            // One that fails ends the others: what they measured would not be what was asked for.
            if worker.record.failure != nil { stop.raise() }
            working.count.subtract(1, ordering: .acquiringAndReleasing)
            ended.raise()
          })
      } catch {
        failure = Failure("start a worker", errno: error)
        working.count.subtract(workers.count - threads.count, ordering: .relaxed)
        stop.raise()
        break
      }
    }
    var end = End.complete
    do throws(Failure) {
      end = try watch(working, until: deadline, reportingTo: reporter, orStoppedBy: signals)
    } catch {
      failure = failure ?? error
      stop.raise()
    }
    for thread in threads { thread.join() }
    let last = workers.map(\.record.end).max() ?? .now
    try reporter.finish(at: end == .complete ? last : .now)
    // Those that one failure has stopped may fail of being stopped.
    let failures = workers.compactMap(\.record.failure)
    failure = failure ?? failures.first { $0.errno != .interrupted } ?? failures.first
    if let failure { throw failure }
    return end
  }

  /// How many workers have not ended.
  private final class Working: Sendable {
    let count: Atomic<Int>

    init(count: Int) { self.count = Atomic(count) }
  }

  private func watch(
    _ working: Working, until deadline: Instant?, reportingTo reporter: ThroughputReporter,
    orStoppedBy signals: CInt
  ) throws(Failure) -> End {
    var set = PollSet([ended.rawDescriptor, signals])
    var end = End.complete
    while working.count.load(ordering: .acquiring) > 0 {
      let isStopping = end != .complete
      let next = isStopping ? nil : [reporter.nextReport, deadline].compactMap { $0 }.min()
      let isReady = try attempt("wait for the workers") { () throws(Errno) in
        try set.wait(until: next)
      }
      if isReady, set.isReady(0) { ended.lower() }
      if isReady, set.isReady(1) {
        end = .signal
        set.remove(1)
        stop.raise()
      } else if !isStopping, let deadline, deadline <= .now {
        end = .duration
        stop.raise()
      }
      if end == .complete { try reporter.report() }
    }
    return end
  }
}
