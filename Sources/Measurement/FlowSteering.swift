// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import NIC

/// How flows get to the bound queues, and spread over them.
package struct FlowSteering {
  /// How.
  package enum Method: String, Sendable {
    /// Not at all: the NIC stays as it was set up.
    case none
    /// One rule for all flows, to the only queue.
    case queue
    /// One rule for all flows, to an RSS context over the queues.
    case context
    /// A rule for each flow, to the queues in turn: for a driver without a free RSS context.
    case rules
    /// One rule for all flows, to the first queue: the driver takes neither contexts nor rules for
    /// single flows.
    case firstQueue = "first-queue"
  }

  /// What all flows have in common.
  package let flow: FlowTuple
  private let queues: Range<UInt32>
  /// How it is done.
  package private(set) var method = Method.none

  /// - Parameters:
  ///   - flow: What the flows have in common: where they go, and where they come from if that is
  ///     known.
  ///   - queues: Not empty.
  package init(_ flow: FlowTuple, over queues: Range<UInt32>) {
    self.flow = flow
    self.queues = queues
  }

  /// Steers all that the flows have in common.
  ///
  /// - Returns: Why there is no RSS context over the queues, if the driver has contexts and refuses
  ///   this one.
  package mutating func install(in transaction: inout Transaction) throws(Failure) -> Failure? {
    do throws(Failure) {
      let (target, refusal) = try transaction.steer(flow, over: queues)
      switch target {
      case .context: method = .context
      case .queue: method = queues.count > 1 ? .rules : .queue
      }
      return refusal
    } catch {
      // A driver that does not match a source without the port of this end may match each flow.
      guard flow.destination.port == nil, !error.isLackOfPrivilege else { throw error }
      method = .rules
      return nil
    }
  }

  /// Steers one flow to the queue whose turn it is, where each takes a rule of its own.
  ///
  /// - Returns: Why the flow stays on the first queue, if the driver refuses the rule.
  package mutating func add(
    _ flow: FlowTuple, as index: Int, in transaction: inout Transaction
  ) throws(Failure) -> Failure? {
    guard method == .rules else { return nil }
    let queue = queues.lowerBound + UInt32(index % queues.count)
    do throws(Failure) {
      try transaction.steer(exactly: flow, to: .queue(queue))
      return nil
    } catch {
      guard !error.isLackOfPrivilege else { throw error }
      method = .firstQueue
      return error
    }
  }
}
