// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Glibc
internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Recovery
internal import Sockets

/// One receiving run: sets the NIC up, waits for a connection, receives it, judges what came, and
/// puts the NIC back.
struct Receiver {
  let configuration: Configuration.Receive

  /// Why the waits of a run ended.
  private enum Course {
    case complete
    case stopped
  }

  /// Runs to the end.
  ///
  /// - Returns: The signal that stopped the run, if one did.
  func run() throws(Failure) -> CInt? {
    let stop = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
    let interface = try Interface(named: configuration.target.interface)
    Diagnostics.print("using ifindex=\(interface.index)")
    let course = try withGuardedTransaction(
      on: interface, isGuarded: configuration.configuresNIC
    ) { transaction throws(Failure) in
      do throws(Failure) {
        return try receive(in: &transaction, orStoppedBy: stop)
      } catch {
        // A wait that a stop signal ended is told by the exit status, not as a failure.
        guard error.errno == .interrupted else { throw error }
        return Course.stopped
      }
    }
    return course == .stopped ? stop.take() : nil
  }

  /// All that lasts while the binding does: on return there is none.
  private func receive(
    in transaction: inout Transaction, orStoppedBy stop: borrowing StopSignals
  ) throws(Failure) -> Course {
    let target = configuration.target
    let queues = try transaction.interface.chooseQueues(target.queues, otherwise: .last)
    let memory = try target.allocateMemory()
    if configuration.configuresNIC {
      try transaction.enableHeaderSplit()
      try transaction.moveRSS(off: Set(queues))
      try steer(to: queues, in: &transaction)
      try transaction.proveRSSAvoids(Set(queues))
    }
    let made = try Netdev().bindReceive(
      queues, of: transaction.interface, to: memory, as: target)
    let facts = (id: made.id, tokenMode: made.tokenMode)
    var binding: ReceiveBinding? = made
    Diagnostics.print("got dmabuf id=\(facts.id)")

    let address = try SocketAddress(using: configuration.address, port: configuration.port)
    Diagnostics.print("binding to address \(address)")
    let listener = try Listener(on: address)
    try listener.pollBusily(for: configuration.busyPoll.map { Int($0.nanoseconds / 1000) })
    Diagnostics.print("Waiting or connection on \(address)")
    let connection = try listener.next(
      within: configuration.timeout, orStoppedBy: stop.rawDescriptor)
    let stream = IncomingStream(
      configuration: configuration, bindingID: facts.id, tokenMode: facts.tokenMode)
    let end = try stream.receive(
      from: connection, in: memory, through: &binding, orStoppedBy: stop.rawDescriptor)
    return end == .stopped ? .stopped : .complete
  }
}

extension Receiver {
  /// Steers the run's one flow to the bound queues.
  private func steer(
    to queues: Range<UInt32>, in transaction: inout Transaction
  ) throws(Failure) {
    let flow = FlowTuple(
      to: FlowTuple.End(configuration.address, port: configuration.port),
      from: configuration.peer.map { FlowTuple.End($0, port: configuration.port) })
    try transaction.steer(flow, over: queues)
  }
}
