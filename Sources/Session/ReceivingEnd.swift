// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Measurement
internal import NIC
internal import Netdev
internal import Options
internal import Payload
internal import Sockets
internal import Transfer

/// All that a receiving run needs before a connection may come: queues, memory, a NIC that is set
/// up, a binding and a listener. It lasts as long as the value; the NIC belongs to its transaction.
struct ReceivingEnd: ~Copyable {
  /// The queues that are bound, or to which the flows of sockets are steered, if any.
  let queues: Range<UInt32>
  /// What is bound; `nil` where sockets receive.
  let devmem: Devmem?
  /// What receives by rings; `nil` where nothing does.
  let zcrx: QueueRings?
  /// How flows get to the queues.
  var steering: FlowSteering
  /// `nil` where this end connects.
  private let listener: Listener?
  /// What a silence is looked into for.
  private var look: SilenceLook
  private let configuration: Configuration.Receive
  private let netdev: Netdev
  private let interface: UInt32
  private var binding: ReceiveBinding?
  private let watch: InterfaceWatch
  private let carrier: Carrier
  private let carrierChangesOfSetUp: Int?

  /// Memory that is bound, or was: it stays readable.
  struct Devmem {
    let memory: SharedMemory
    /// What fragments name.
    let bindingID: UInt32
    /// How the kernel keeps their tokens.
    let tokenMode: TokenMode
  }

  /// Sets all up, in the order in which the kernel demands it.
  ///
  /// - Parameters:
  ///   - flow: What flows have in common that this end will connect; it listens for them if `nil`.
  ///   - source: Where those come from, if only flows from there are to be steered.
  ///   - connections: How many connections may wait.
  ///   - carrier: The interface's carrier, which must be back before the run waits for a sender.
  ///   - wait: What ends the wait for it, and the set-up between two steps.
  ///   - watch: What watches over the interface, and from now on over the binding.
  init(
    for configuration: Configuration.Receive, connecting flow: FlowTuple? = nil,
    from source: FlowTuple.End? = nil,
    connections: Int = 1, through netdev: Netdev, in transaction: inout Transaction,
    _ carrier: Carrier, _ wait: Wait, _ watch: InterfaceWatch
  ) throws(Failure) {
    let target = configuration.target
    let isSocket = target.engine.isSocket
    // Where no queue is named, sockets receive through any.
    var queues =
      isSocket && target.queues == nil
      ? 0..<0 : try transaction.interface.chooseQueues(target.queues, otherwise: .last)
    var memory: SharedMemory?
    if !isSocket {
      target.warnOfLittleMemory(for: queues, of: transaction.interface)
      wait.progress?.note("allocating device memory")
      memory = try configuration.prepareMemory()
    }
    let destination = FlowTuple.End(configuration.address, port: configuration.port)
    let subject = transaction.interface.subject
    let operation = "set up \(subject)"
    try wait.check(operation)
    // A page that a socket can show has no header.
    if configuration.configuresNIC, target.engine != .socket {
      wait.progress?.note("setting up \(transaction.interface.name): header split")
      try transaction.enableHeaderSplit()
      queues = try transaction.interface.chooseQueuesLeft(
        target.queues, of: queues, otherwise: .last)
    }
    var steering = FlowSteering(flow ?? FlowTuple(to: destination, from: source), over: queues)
    if configuration.configuresNIC {
      try wait.check(operation)
      wait.progress?.note("setting up \(transaction.interface.name): RSS and flow rules")
      let index = transaction.interface.index
      try transaction.moveRSS(
        off: Set(queues), orTo: try netdev.freeQueues(ofInterface: index))
      if let refusal = try steering.install(in: &transaction) {
        Diagnostics.print(
          "all goes to queue \(queues.lowerBound) but flows with a rule of their own: "
            + refusal.line)
      }
      try transaction.proveOthersAvoid(Set(queues))
      if let warning = try transaction.interface.warningOfFlowSteering(to: Set(queues)) {
        Diagnostics.print(warning)
      }
    }
    try wait.check(operation)
    var bound: ReceiveBinding?
    var devmem: Devmem?
    var zcrx: QueueRings?
    if let memory, target.engine == .zcrx {
      wait.progress?.note(
        "setting up \(transaction.interface.name): the driver restarts the queues for io_uring")
      let rings = QueueRings(
        over: memory, of: queues, ofInterface: transaction.interface.index, through: netdev)
      try rings.register(on: subject, bufferSize: target.binding.rxPageSize)
      zcrx = rings
    } else if let memory {
      wait.progress?.note(
        "setting up \(transaction.interface.name): the driver restarts the queues to bind")
      let binding = try netdev.bindReceive(
        queues, ofInterface: transaction.interface.index, named: subject,
        to: memory.buffer.descriptor, as: target.binding, wait)
      Announcement.binding(binding.id).print()
      watch.expect(binding: binding.id, through: netdev)
      devmem = Devmem(memory: memory, bindingID: binding.id, tokenMode: binding.tokenMode)
      bound = consume binding
    }
    wait.progress?.note("waiting for the carrier of \(transaction.interface.name)")
    try carrier.waitForReturn(wait)
    let carrierChanges = carrier.changes

    if flow == nil {
      let address = try SocketAddress(configuration.address, port: configuration.port)
      listener = try Listener(
        announcing: address, backlog: connections, as: configuration.tcp,
        pollingFor: configuration.busyPoll)
    } else {
      listener = nil
    }

    self.configuration = configuration
    self.netdev = netdev
    interface = transaction.interface.index
    self.queues = queues
    self.steering = steering
    self.devmem = devmem
    self.zcrx = zcrx
    binding = bound.take()
    self.watch = watch
    self.carrier = carrier
    carrierChangesOfSetUp = carrierChanges
    look = SilenceLook(at: transaction, boundTo: queues, through: netdev)
  }

  /// How often the carrier was lost or came back since the set-up, each counted.
  var carrierChanges: Int {
    guard let carrierChangesOfSetUp, let changes = carrier.changes else { return 0 }
    return changes - carrierChangesOfSetUp
  }

  /// Notes what steers the flows, of which a silence may come.
  mutating func noteSteering(by transaction: borrowing Transaction) {
    look = SilenceLook(at: transaction, boundTo: queues, through: netdev)
  }

  /// How long a thread's flows may be silent, and what looks into it.
  var silence: Silence {
    Silence(
      upTo: configuration.timeout, watchedBy: look.witness(on: configuration.target.interface))
  }

  /// Ends the binding. What was received stays readable.
  mutating func unbind() {
    watch.expectNoBinding()
    binding = nil
  }

  /// The state of the interface's queues; none where the kernel does not report it, which is
  /// printed: it describes a run, and must not fail one.
  func queueStates() -> [QueueState] {
    do throws(Failure) {
      return try netdev.queues(ofInterface: interface)
    } catch {
      Diagnostics.print(error.description)
      return []
    }
  }

  /// The CPUs that take the interrupts of the bound queues, as far as driver and kernel report them.
  func interruptedCPUs() -> Set<Int> {
    do throws(Failure) {
      return WorkerPlacement.cpus(
        interruptedBy: try netdev.interrupts(of: queues, ofInterface: interface))
    } catch {
      Diagnostics.print(error.description)
      return []
    }
  }

  /// Which queue the last packet of a connection came through.
  func arrival(of connection: borrowing Connection) -> Verdict.Arrival {
    let napi = (try? connection.incomingNAPI()) ?? nil
    return Verdict.Arrival(queueStates().receiveQueue(servedBy: napi), among: queues)
  }

  /// The ring of the queue that a connection's packets come through.
  ///
  /// - Throws: Where that is not known, or no queue of the run's.
  func ring(
    of connection: borrowing Connection, in zcrx: QueueRings
  ) throws(Failure) -> SharedRing {
    let rings = zcrx.rings
    guard rings.count > 1 else { return rings[0] }
    let napi = (try? connection.incomingNAPI()) ?? nil
    let queue = queueStates().receiveQueue(servedBy: napi)
    guard let ring = rings.first(where: { $0.queue == queue }) else {
      throw Failure(
        "find the ring of", on: "a connection",
        reason: queue.map { "it comes through queue \($0)" }
          ?? "the kernel does not report its queue",
        hint: "take one queue (-q 1)")
    }
    return ring
  }

  /// Waits for the next connection: from the peer that the command line names, or from where the
  /// control connection came. Others are closed.
  ///
  /// - Parameters:
  ///   - name: What those who watch the run read of it.
  ///   - channel: A control connection whose end ends the wait as well.
  func next(
    _ wait: Wait, called name: String = "a connection", orEndOf channel: ControlChannel? = nil
  ) throws(Failure) -> Connection {
    switch listener {
    case .some(let listener):
      wait.progress?.note(
        "waiting for \(name) on \(configuration.address), port \(configuration.port)")
      return try listener.next(
        wait, for: configuration.timeout, from: configuration.admission, orEndOf: channel)
    case .none: preconditionFailure("an end that connects takes no connection")
    }
  }
}

extension ReceivingEnd {
  /// What is known of the memory; `nil` where sockets receive.
  var memoryFacts: MemoryFacts? {
    guard let memory = devmem?.memory ?? zcrx?.memory else { return nil }
    return MemoryFacts(
      configuration.target.memory.kind, memory.buffer,
      validatedBy: configuration.checks.pattern.map { _ in memory.comparer == nil ? .host : .gpu })
  }

  /// What a flow is received by, if it has its share of the memory.
  ///
  /// - Parameters:
  ///   - index: The flow's.
  ///   - flows: How many share it.
  func method(for index: Int, of flows: Int) -> FlowMethod {
    guard zcrx == nil else {
      return .zcrx(as: index, failsOnLinear: configuration.checks.failsOnLinear)
    }
    guard let devmem else {
      return .socket(showsPages: configuration.target.engine == .zerocopySocket)
    }
    return .devmem(
      through: devmem.bindingID, memorySize: devmem.memory.buffer.byteCount / flows,
      failsOnLinear: configuration.checks.failsOnLinear,
      tokensArePages: devmem.tokenMode == .manual)
  }
}

extension Configuration.Receive {
  /// Allocates the memory to receive into. Where the run does not read the payload, it will want to
  /// know whether there was any: the memory is filled with what no payload is, unless somebody else
  /// has put something there.
  fileprivate func prepareMemory() throws(Failure) -> SharedMemory {
    var buffer = try target.memory.allocate(
      announcedFor: target.interface, forBuffersOf: target.binding.rxPageSize)
    guard measurement != nil, checks.pattern == nil else {
      try buffer.checkReadable()
      let comparer = comparer(of: buffer)
      return SharedMemory(buffer, comparedBy: comparer)
    }
    if case .descriptor = target.memory.kind { return SharedMemory(buffer) }
    guard buffer.access == .mapped || buffer.access == .copies else { return SharedMemory(buffer) }
    let filling = try Filling(of: &buffer)
    return SharedMemory(buffer, filled: filling)
  }

  /// What compares the payload in a GPU's memory, and prints who validates it: the CPU, in copies,
  /// if the GPU does not.
  private func comparer(of buffer: borrowing DeviceBuffer) -> GPUComparer? {
    guard target.engine == .devmem, let pattern = checks.pattern else { return nil }
    do throws(Failure) {
      let comparer = try buffer.comparer(with: pattern.bytes)
      if comparer != nil { Diagnostics.inform("the GPU validates the payload where it is") }
      return comparer
    } catch {
      Diagnostics.print("the CPU validates copies of the payload: \(error.line)")
      return nil
    }
  }

  /// Whose connections the run takes.
  var admission: Admission { Admission(only: peer, because: "-c") }

  /// Prints what a stream without a byte may have been, where anyone may have connected: who looks
  /// for open ports ends the connection, or resets it.
  ///
  /// - Parameter result: What ended it.
  func explainEmpty(_ stream: String, endedBy result: Result<Void, Failure>) {
    guard peer == nil else { return }
    if case .failure(let failure) = result, failure.errno != .connectionReset { return }
    Diagnostics.print(
      "\(stream) ended without a byte: it may have been a readiness probe or a scan; "
        + "-c ADDR takes only the sender's connection")
  }
}
