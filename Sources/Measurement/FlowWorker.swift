// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What a thread of a measurement does: serves some of its flows. Its thread owns it from start to
/// end, its creator before and after that.
package protocol FlowWorker: AnyObject, Sendable {
  /// The CPU to be pinned to; none if `nil`.
  var cpu: Int? { get }

  /// The numbers of its flows.
  var flowIndices: [Int] { get }

  /// What is known of the work once the thread has ended.
  var record: WorkerRecord { get set }

  /// Works until its flows end.
  ///
  /// - Throws: A `Failure` of the kind `stopped` if it is to stop before.
  func work(_ wait: Wait) throws(Failure)
}

/// What is known of a worker that has ended.
package struct WorkerRecord: Sendable {
  /// Why it failed, if it did. To be stopped is no failure.
  package var failure: Failure?
  /// CPU time of the thread.
  package var cpuTime = Duration.zero
  /// Where the thread was at its end.
  package var lastCPU: Int?
  /// When its flows ended.
  package var end = Instant.now

  /// The record of a worker that has not started.
  package init() {}
}

extension FlowWorker {
  /// What the thread does.
  func run(_ wait: Wait) {
    do throws(Failure) {
      if let cpu {
        try attempt("pin a worker to", on: "CPU \(cpu)", hint: "is it online, and allowed?") {
          () throws(Errno) in
          try Affinity.pin(to: cpu)
        }
      }
      try work(wait)
    } catch {
      if error.kind != .stopped { record.failure = error }
    }
    record.end = .now
    record.cpuTime = CPUTime.ofThread
    record.lastCPU = Affinity.currentCPU
  }
}
