// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// What a thread of a measurement does: serves some of its flows. It belongs to its thread from
/// start to end, before and after that to whoever made it.
protocol FlowWorker: AnyObject, Sendable {
  /// The CPU to be pinned to; none if `nil`.
  var cpu: Int? { get }

  /// The numbers of its flows.
  var flowIndices: [Int] { get }

  /// What is known of the work once the thread has ended.
  var record: WorkerRecord { get set }

  /// Works until its flows end or it is to stop.
  ///
  /// - Parameter stop: A descriptor that is readable when it is to stop.
  func work(orStoppedBy stop: CInt) throws(Failure)
}

/// What is known of a worker's course.
struct WorkerRecord {
  var failure: Failure?
  /// CPU time of the thread.
  var cpuNanoseconds: Int64 = 0
  /// Where the thread was at its end.
  var lastCPU: Int?
  /// When its flows ended.
  var end = Instant.now
}

extension FlowWorker {
  /// What the thread does.
  func run(orStoppedBy stop: CInt) {
    do throws(Failure) {
      if let cpu {
        try attempt("pin a worker to", on: "CPU \(cpu)", hint: "is it online, and allowed?") {
          () throws(Errno) in
          try Affinity.pin(to: cpu)
        }
      }
      try work(orStoppedBy: stop)
    } catch {
      record.failure = error
    }
    record.end = .now
    record.cpuNanoseconds = threadCPUNanoseconds
    record.lastCPU = Affinity.currentCPU
  }
}
