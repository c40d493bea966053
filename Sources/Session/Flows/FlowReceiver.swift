// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Recovery
internal import Sockets
internal import Throughput

/// One receiving measurement: agrees with the sender if there is one to agree with, sets the NIC up,
/// receives several flows at once on threads of their own, and puts the NIC back.
struct FlowReceiver {
  let configuration: Configuration.Receive
  let measurement: Configuration.Measurement

  /// Runs to the end.
  ///
  /// - Returns: The signal that stopped the run, if one did.
  func run() throws(Failure) -> CInt? {
    let stop = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
    do throws(Failure) {
      try receive(orStoppedBy: stop.rawDescriptor)
    } catch {
      guard error.errno == .interrupted, let signal = stop.take() else { throw error }
      return signal
    }
    return nil
  }

  private func receive(orStoppedBy stop: CInt) throws(Failure) {
    var pairing: ReceiverPairing?
    if let port = measurement.controlPort {
      pairing = try ReceiverPairing(as: configuration, measurement, at: port, orStoppedBy: stop)
    }
    let terms = pairing?.terms ?? FlowTerms(flows: measurement.flows ?? 1)
    let interface = try Interface(named: configuration.target.interface)
    Diagnostics.print("using ifindex=\(interface.index)")
    try withGuardedTransaction(
      on: interface, isGuarded: configuration.configuresNIC
    ) { transaction throws(Failure) in
      var report = ThroughputReport(role: .receive, terms: terms, measurement: measurement)
      let result: Result<Void, Failure>
      do throws(Failure) {
        result = .success(
          try receive(terms, with: pairing, in: &transaction, into: &report, orStoppedBy: stop))
      } catch {
        result = .failure(error)
        if report.whole == nil { pairing?.refuse() }
      }
      if report.whole != nil {
        report.conclude(with: result)
        report.tell(asJSON: configuration.output.reportsJSON)
      }
      try result.get()
    }
  }

  /// All that lasts while the binding does: on return there is none.
  private func receive(
    _ terms: FlowTerms, with pairing: ReceiverPairing?, in transaction: inout Transaction,
    into report: inout ThroughputReport, orStoppedBy stop: CInt
  ) throws(Failure) {
    let target = configuration.target
    let queues = try transaction.interface.chooseQueues(target.queues, otherwise: .last)
    let memory = SharedMemory(try target.allocateMemory())
    var steering = FlowSteering(
      to: FlowTuple.End(configuration.address, port: configuration.port), over: queues)
    if configuration.configuresNIC {
      try transaction.enableHeaderSplit()
      try transaction.moveRSS(off: Set(queues))
      try steering.install(in: &transaction)
      try transaction.proveRSSAvoids(Set(queues))
    }
    let netdev = try Netdev()
    let binding = try netdev.bindReceive(
      queues, of: transaction.interface, to: memory.buffer, as: target)
    Diagnostics.print("got dmabuf id=\(binding.id)")
    let interface = (name: transaction.interface.name, index: transaction.interface.index)
    report.describe(
      configuration, on: transaction.interface.driver, queues: queues,
      memorySize: memory.buffer.byteCount, tokenMode: binding.tokenMode)

    let flows = try connect(
      terms.flows, through: binding.id, in: memory, with: pairing, steeredBy: &steering,
      in: &transaction, orStoppedBy: stop)
    report.note(steering)
    let workers = try workers(for: flows, in: memory, of: interface.name)
    let before = try netdev.receiveStatistics(ofInterface: interface.index)
    let crew = try WorkerCrew()
    let reporter = ThroughputReporter(
      of: flows.map(\.counters), from: workers, every: measurement.interval.wholeSeconds,
      table: .receiving)
    let outcome: Result<WorkerCrew.End, Failure>
    do throws(Failure) {
      outcome = .success(
        try crew.run(
          workers, for: limit(of: terms, isPaired: pairing != nil), reportingTo: reporter,
          orStoppedBy: stop))
    } catch {
      outcome = .failure(error)
    }
    report.add(reporter, of: workers, on: interface.name)
    let states = try netdev.queues(ofInterface: interface.index)
    try report.add(flows, of: workers, queues: states.filter { $0.direction == .receive })
    let after = try netdev.receiveStatistics(ofInterface: interface.index)
    report.add(before: before, after: after, of: queues)

    let end = try outcome.get()
    if end == .signal { throw Failure("receive", errno: .interrupted) }
    let verdict = Result { () throws(Failure) in try judge(report.total, of: flows) }
    if let pairing {
      guard end == .complete else {
        throw Failure("receive", reason: "the sender did not end when it was to")
      }
      report.peer = try exchange(with: pairing, flows, report, verdict)
    }
    try verdict.get()
  }

  /// How long the flows may take. A sender that was to end by itself gets a grace.
  private func limit(of terms: FlowTerms, isPaired: Bool) -> Int? {
    guard isPaired else { return measurement.duration?.wholeSeconds }
    guard let duration = terms.duration, let timeout = configuration.timeout.map(\.wholeSeconds)
    else {
      return nil
    }
    return duration + timeout
  }

  /// Waits for the flows' connections.
  private func connect(
    _ count: Int, through binding: UInt32, in memory: SharedMemory, with pairing: ReceiverPairing?,
    steeredBy steering: inout FlowSteering, in transaction: inout Transaction,
    orStoppedBy stop: CInt
  ) throws(Failure) -> [IncomingFlow] {
    let address = try SocketAddress(using: configuration.address, port: configuration.port)
    Diagnostics.print("binding to address \(address)")
    let listener = try Listener(on: address, backlog: count)
    try listener.pollBusily(for: configuration.busyPoll.map { Int($0.nanoseconds / 1000) })
    Diagnostics.print("Waiting or connection on \(address)")
    try pairing?.ready()
    var flows: [IncomingFlow] = []
    while flows.count < count {
      let connection = try listener.next(
        within: configuration.timeout, orStoppedBy: stop, orEndOf: pairing?.channel)
      let peer = connection.peer
      if let expected = configuration.peer, let peer, peer.address.octets != expected.octets {
        Diagnostics.print("it is not from \(expected): closed")
        continue
      }
      if configuration.configuresNIC, let peer {
        try steering.add(
          FlowTuple.End(peer.address, port: peer.port), as: flows.count, in: &transaction)
      }
      flows.append(
        try IncomingFlow(
          flows.count, over: connection, through: binding,
          memorySize: memory.buffer.byteCount / count, checking: configuration.checks.pattern,
          every: configuration.checks.interval, failsOnLinear: configuration.checks.failsOnLinear))
    }
    return flows
  }

  /// Shares the flows out to threads, and these to CPUs.
  private func workers(
    for flows: [IncomingFlow], in memory: SharedMemory, of interface: String
  ) throws(Failure) -> [ReceiveWorker] {
    let count = min(measurement.threads ?? flows.count, flows.count)
    let cpus: [Int]
    if let wanted = measurement.cpus?.cpus {
      cpus = (0..<count).map { wanted[$0 % wanted.count] }
    } else {
      let allowed = try attempt("ask which CPUs are allowed") { () throws(Errno) in
        try Affinity.allowed()
      }
      cpus = WorkerPlacement.choose(
        count, from: allowed, near: HostFacts.cpus(near: interface),
        interrupted: Set(flows.compactMap(\.incomingCPU)))
    }
    return (0..<count).map { worker in
      ReceiveWorker(
        flows.filter { $0.index % count == worker }, on: cpus[worker], in: memory,
        idleLimit: configuration.timeout.map(\.wholeSeconds))
    }
  }

  private func exchange(
    with pairing: ReceiverPairing, _ flows: [IncomingFlow], _ report: ThroughputReport,
    _ verdict: Result<Void, Failure>
  ) throws(Failure) -> PeerReport {
    var received: [UInt16: FlowFigures] = [:]
    for flow in flows { received[flow.connection.peer?.port ?? 0] = flow.figures }
    guard received.count == flows.count else {
      throw Failure("tell flows apart", reason: "two came from the same port")
    }
    var hasFailed = false
    if case .failure = verdict { hasFailed = true }
    do throws(Failure) {
      return try pairing.exchange(
        received, seconds: report.whole?.end ?? 0, isChecked: configuration.checks.pattern != nil,
        hasFailed: hasFailed)
    } catch {
      // What this end found is more than what the peer says of it.
      try verdict.get()
      throw error
    }
  }

  /// Says whether streams that came to their end are what was expected.
  private func judge(_ total: FlowFigures, of flows: [IncomingFlow]) throws(Failure) {
    if total.wrongBytes > 0 {
      throw Failure(
        "validate the payload", reason: "\(total.wrongBytes) of \(total.bytes) bytes are wrong")
    }
    if let expected = configuration.checks.expectedByteCount, total.bytes != expected {
      throw Failure(
        "accept the flows", reason: "\(total.bytes) bytes, not \(expected) (--expect-bytes)")
    }
    for flow in flows {
      let figures = flow.figures
      if configuration.checks.pattern != nil, figures.bytes == 0 {
        throw Failure("validate the payload", reason: "none came of flow \(flow.index)")
      }
      if figures.bytes > 0, figures.plainBytes == figures.bytes {
        throw Failure(
          "accept flow \(flow.index)",
          reason: "none of its \(figures.bytes) bytes came through device memory",
          hint: "the flow is not steered to the bound queues")
      }
    }
    guard total.tokensOutstanding == 0 else {
      throw Failure(
        "return all tokens", reason: "\(total.tokensOutstanding) of \(total.fragments) are out")
    }
  }
}
