// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Measurement
internal import NIC
internal import Netdev
internal import Options
internal import Payload
internal import Recovery
internal import Sockets

/// One receiving measurement: agrees with the sender if they are paired, sets the NIC up, receives
/// several flows at once on threads of their own, and puts the NIC back.
struct MeasuringReceiver {
  let configuration: Configuration.Receive
  let options: MeasurementOptions

  /// Runs to the end.
  ///
  /// - Throws: What failed, or why the flows are not what was asked for.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) {
    let interface = try Interface(announcing: configuration.target.interface)
    let netdev = try Netdev()
    let watch = try InterfaceWatch(of: interface, to: "receive on")
    let watched = wait.watching(watch)
    let pairing = try pair(through: interface.index, watched)
    if let listening = pairing as? ListenerPairing, let reverse = listening.agreement.reverse {
      document.role = MeasurementRole.send.rawValue
      return try MeasuringSender(
        configuration: configuration.sending(reverse, as: listening), options: options
      ).run(for: listening, wait, into: &document)
    }
    let carrier = Carrier(of: interface)
    defer { document.report(carrier, of: configuration.target.interface) }
    try withGuardedTransaction(
      on: interface, with: carrier, wait, isGuarded: configuration.configuresNIC
    ) { transaction throws(Failure) in
      let report: MeasurementReport
      do throws(Failure) {
        report = try measure(
          through: netdev, with: pairing, in: &transaction, carrier, watched, watch,
          into: &document)
      } catch {
        (pairing as? ListenerPairing)?.refuse()
        throw watch.explain(error)
      }
      try report.conclude(in: &document)
    }
  }

  /// Agrees with the other end, if there is a control port: waits for one that calls, or calls it.
  private func pair(
    through interface: UInt32, _ wait: Wait
  ) throws(Failure) -> (any Pairing)? {
    guard let port = options.controlPort else { return nil }
    if let request = configuration.request {
      let reverse = Agreement.Reverse(request.load, chunkSize: request.chunkSize)
      return try configuration.call.pair(
        at: port, through: interface, on: Agreement(request.load, options, reversed: reverse), wait)
    }
    let address = try SocketAddress(configuration.address, port: port)
    let control = try ControlPort(on: address)
    let waiting = Announcement.waitingForSender(address)
    waiting.print()
    wait.progress?.note(waiting.text)
    let (channel, offer) = try control.waitForOffer(
      wait, for: configuration.timeout, from: configuration.admission)
    Announcement.connection(from: channel.peer).print()
    return try ListenerPairing(
      over: channel, on: offer, as: options, checking: configuration.checks.pattern)
  }

  /// All that lasts while the binding does: on return there is none.
  ///
  /// - Returns: What was measured, with its failure if it is not what was asked for.
  /// - Throws: Why nothing was measured.
  private func measure(
    through netdev: Netdev, with pairing: (any Pairing)?, in transaction: inout Transaction,
    _ carrier: Carrier, _ wait: Wait, _ watch: InterfaceWatch, into document: inout Document
  ) throws(Failure) -> MeasurementReport {
    let agreement =
      pairing?.agreement
      ?? Agreement(
        flows: options.flows ?? 1, duration: options.duration, omitting: options.omitted ?? .zero)
    var end = try ReceivingEnd(
      for: configuration, connecting: try flows(from: pairing?.channel),
      connections: agreement.flows, through: netdev, in: &transaction, carrier, wait, watch)
    defer { document.carrierChangesInTransfer = end.carrierChanges }
    try (pairing as? ListenerPairing)?.ready()
    let flows = try connect(agreement.flows, to: &end, with: pairing, in: &transaction, wait)
    let workers = try workers(for: flows, at: end, on: transaction.interface)
    let interface = transaction.interface.index
    let before = try netdev.receiveStatistics(ofInterface: interface)
    let setting = setting(of: agreement, at: end, on: transaction.interface)
    document.begin(with: setting.figures, as: MeasurementReport.schema)
    let recorder = IntervalRecorder(
      of: flows.map(\.counters), from: workers, every: options.interval,
      omitting: agreement.omitted, as: .receive, to: document.stream)
    var goal = agreement.goal
    goal.bytes = goal.bytes ?? configuration.checks.expectedByteCount
    wait.progress?.note(
      TransferProgress(
        .receive, of: .flows, until: goal, isChecked: configuration.checks.pattern != nil),
      of: flows.map(\.counters))
    let measured = try WorkerGroup().run(
      workers, for: limit(of: agreement, isPaired: pairing != nil), recording: recorder, wait)
    if pairing == nil {
      for flow in flows where flow.figures.bytes == 0 && flow.connection.isOver {
        configuration.explainEmpty("flow \(flow.index)", endedBy: measured.end.map { _ in })
      }
    }
    var report = MeasurementReport(setting, measured, recorder, of: workers)
    let states = end.queueStates()
    let streams = flows.map { flow in
      Verdict.Stream(
        flow: flow.index, flow.figures,
        arrival: Verdict.Arrival(flow.queue(among: states), among: end.queues),
        wroteMemory: flow.wroteMemory)
    }
    var verdict = Verdict(
      of: measured.end.map { _ in }.mapError(watch.explain), streams,
      Verdict.Demands(configuration.checks))
    do throws(Failure) {
      report.flows = try flows.map { flow throws(Failure) in try flow.description(among: states) }
      let after = try netdev.receiveStatistics(ofInterface: interface)
      report.queues = end.queues.map {
        ($0, QueueStatistics.counted(for: $0, from: before, to: after))
      }
      report.peer = try pairing?.exchange(
        flows, report, measured, verdict, checks: configuration.checks)
    } catch {
      verdict.add(error)
    }
    report.failure = verdict.failure
    return report
  }

  /// How long the flows may take. A sender that ends by itself gets the timeout in addition.
  private func limit(of agreement: Agreement, isPaired: Bool) -> Duration? {
    guard isPaired, let duration = agreement.wholeDuration else { return agreement.wholeDuration }
    guard let timeout = configuration.timeout else { return nil }
    return duration + timeout
  }

  /// What flows have in common that this end connects; `nil` where it listens for them.
  private func flows(from channel: ControlChannel?) throws(Failure) -> FlowTuple? {
    guard configuration.request != nil, let channel else { return nil }
    let own = try attempt("ask for the address of this end") { () throws(Errno) in
      try channel.localAddress()
    }
    // The address as the command line has it names the peer; the kernel's choice is this end's.
    guard let own else { throw Failure("ask for the address of this end") }
    return FlowTuple(
      to: FlowTuple.End(own.address, port: nil),
      from: FlowTuple.End(configuration.address, port: configuration.port))
  }

  /// Makes the flows' next connection, or waits for it.
  private func next(
    of flows: Int, number: Int, at end: borrowing ReceivingEnd, with pairing: (any Pairing)?,
    through interface: UInt32, _ wait: Wait
  ) throws(Failure) -> Connection {
    guard configuration.request != nil else {
      let name = flows == 1 ? "a connection" : "connection \(number + 1) of \(flows)"
      return try end.next(wait, called: name, orEndOf: pairing?.channel)
    }
    let connection = try configuration.call.connect(
      to: configuration.port, through: interface, as: configuration.tcp, wait)
    try connection.pollBusily(for: configuration.busyPoll)
    return connection
  }

  /// What a connection is to the NIC, among all that `flows` stands for; `nil` where nothing is
  /// known of the other end.
  private func tuple(
    of connection: borrowing Connection, among flows: FlowTuple
  ) throws(Failure) -> FlowTuple? {
    guard configuration.request != nil else {
      return connection.peer.map {
        FlowTuple(to: flows.destination, from: FlowTuple.End($0.address, port: $0.port))
      }
    }
    var flow = flows
    do throws(Errno) {
      flow.destination.port = try connection.localPort()
    } catch {
      throw Failure("ask for a flow's port", errno: error)
    }
    return flow
  }

  /// Waits for the flows' connections, or makes them.
  private func connect(
    _ count: Int, to end: inout ReceivingEnd, with pairing: (any Pairing)?,
    in transaction: inout Transaction, _ wait: Wait
  ) throws(Failure) -> [IncomingFlow] {
    try DescriptorLimit.makeRoom(for: count)
    var flows: [IncomingFlow] = []
    while flows.count < count {
      let connection = try next(
        of: count, number: flows.count, at: end, with: pairing,
        through: transaction.interface.index, wait)
      let flow = try tuple(of: connection, among: end.steering.flow)
      if configuration.configuresNIC, let flow {
        if let refusal = try end.steering.add(flow, as: flows.count, in: &transaction) {
          Diagnostics.print(
            "flow \(flows.count) stays on queue \(end.queues.lowerBound): \(refusal)")
        }
      }
      flows.append(
        try IncomingFlow(
          flows.count, over: connection, hasConnected: configuration.request != nil,
          through: end.bindingID,
          memorySize: end.memory.buffer.byteCount / count, checking: configuration.checks.pattern,
          every: configuration.checks.interval, by: try end.memory.comparer?.comparison(),
          failsOnLinear: configuration.checks.failsOnLinear,
          tokensArePages: end.tokenMode == .manual))
    }
    end.noteSteering(by: transaction)
    try (pairing as? CallerPairing)?.ready()
    return flows
  }

  /// Shares the flows out to threads, and these to CPUs.
  private func workers(
    for flows: [IncomingFlow], at end: borrowing ReceivingEnd, on interface: borrowing Interface
  ) throws(Failure) -> [ReceiveWorker] {
    let allowed = try attempt("ask which CPUs are allowed") { () throws(Errno) in
      try Affinity.allowed()
    }
    // More threads than CPUs would take turns, and each turn costs.
    let count = min(options.threads ?? (options.cpus?.cpus ?? allowed).count, flows.count)
    let cpus: [Int]
    if let wanted = options.cpus?.cpus {
      cpus = (0..<count).map { wanted[$0 % wanted.count] }
    } else {
      cpus = WorkerPlacement.choose(
        count, from: allowed, near: HostFacts.cpus(near: interface.name),
        // A queue's interrupt counts before its first packet; the CPU of a flow's first packets is
        // all there is where the driver reports no interrupt, or packets move on from it (RPS).
        interrupted: end.interruptedCPUs().union(flows.compactMap(\.firstCPU)))
    }
    return (0..<count).map { worker in
      ReceiveWorker(
        flows.filter { $0.index % count == worker }, on: cpus[worker], in: end.memory,
        silence: end.silence)
    }
  }

  private func setting(
    of agreement: Agreement, at end: borrowing ReceivingEnd, on interface: borrowing Interface
  ) -> MeasurementReport.Setting {
    let receiving = MeasurementReport.ReceivingEnd(
      queues: end.queues, rxPageSize: configuration.target.binding.rxPageSize,
      tokenMode: end.tokenMode, patternPeriod: configuration.checks.pattern?.period,
      validationInterval: configuration.checks.interval, busyPoll: configuration.busyPoll,
      steering: end.steering.method)
    return MeasurementReport.Setting(
      agreement, options, on: interface.name, driver: interface.driver,
      configuration.address.family, memory: end.memoryFacts,
      as: .receive(receiving))
  }
}

extension Pairing {
  /// Exchanges figures with the sender, if the flows ended as they were to.
  ///
  /// - Parameter verdict: This end's verdict on its flows.
  /// - Returns: What the sender reports; `nil` if there was nothing to exchange.
  fileprivate func exchange(
    _ flows: [IncomingFlow], _ report: MeasurementReport, _ measured: WorkerGroup.Outcome,
    _ verdict: Verdict, checks: Configuration.Checks
  ) throws(Failure) -> PeerReport? {
    guard case .success(let end) = measured.end else { return nil }
    guard end == .complete else {
      throw Failure("receive", reason: "the sender did not end when it was to")
    }
    var received: [UInt16: ReceivedFlow] = [:]
    for (flow, described) in zip(flows, report.flows) {
      received[flow.port ?? 0] = ReceivedFlow(
        flow.figures, omittedBytes: report.omitted?.flows[flow.index].bytes ?? 0,
        outOfOrderPackets: described.information.outOfOrderPackets)
    }
    guard received.count == flows.count else {
      throw Failure("distinguish the flows", reason: "two came from the same port")
    }
    return try exchange(
      received, in: measured.whole.length, isChecked: checks.pattern != nil,
      hasFailed: verdict.failure != nil)
  }
}

extension Configuration.Receive {
  /// What its connections have in common, where it makes them.
  fileprivate var call: Call {
    Call(interface: target.interface, address: address, source: peer, timeout: timeout)
  }

  /// How to send to a caller that asks for it.
  fileprivate func sending(
    _ reverse: Agreement.Reverse, as pairing: ListenerPairing
  ) -> Configuration.Send {
    var send = Configuration.Send(
      interface: target.interface, address: pairing.channel.peer?.address ?? address, port: port)
    send.source = address
    send.chunkSize = reverse.chunkSize
    send.memory = target.memory
    send.tcp = tcp
    send.load = pairing.agreement.load
    send.timeout = timeout
    send.output = output
    return send
  }
}

extension MeasurementReport {
  /// Prints the report for people, and puts that for programs into the run's document.
  ///
  /// - Throws: Why the measurement failed, if it did.
  func conclude(in document: inout Document) throws(Failure) {
    lines.forEach(Diagnostics.inform)
    document.schema = Self.schema
    let hasIntervals = document.stream == nil
    document.report(figures(hasIntervals: hasIntervals))
    if let failure = failure ?? emptiness { throw failure }
  }
}
