// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import NIC

/// How the flows of a measurement get to the bound queues, and spread over them.
package struct FlowSteering {
  /// What there is.
  package enum Means: String {
    /// Left to whoever set the NIC up.
    case none
    /// One rule for all flows, to the only queue.
    case queue
    /// One rule for all flows, to an RSS context over the queues.
    case context
    /// A rule for each flow, to the queues in turn: for a driver without RSS contexts.
    case rules
    /// One rule for all flows, to the first queue: the driver takes neither contexts nor rules for
    /// single flows.
    case firstQueue = "first-queue"
  }

  private let destination: FlowTuple.End
  private let queues: Range<UInt32>
  package private(set) var means = Means.none

  package init(to destination: FlowTuple.End, over queues: Range<UInt32>) {
    self.destination = destination
    self.queues = queues
  }

  /// Steers all that comes to the destination.
  package mutating func install(in transaction: inout Transaction) throws(Failure) {
    switch try transaction.steer(FlowTuple(to: destination), over: queues) {
    case .context: means = .context
    case .queue: means = queues.count > 1 ? .rules : .queue
    }
  }

  /// Steers a flow to the queue whose turn it is, where it takes a rule of its own.
  package mutating func add(
    _ source: FlowTuple.End, as index: Int, in transaction: inout Transaction
  ) throws(Failure) {
    guard means == .rules else { return }
    let queue = queues.lowerBound + UInt32(index % queues.count)
    do throws(Failure) {
      try transaction.steer(exactly: FlowTuple(to: destination, from: source), to: .queue(queue))
    } catch {
      guard error.errno != .notPermitted else { throw error }
      Diagnostics.print("flow \(index) stays on queue \(queues.lowerBound): \(error)")
      means = .firstQueue
    }
  }
}
