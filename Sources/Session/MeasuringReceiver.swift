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
    let pairing = try pair(watched)
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
        pairing?.refuse()
        throw watch.explain(error)
      }
      try report.conclude(in: &document)
    }
  }

  /// Waits for a sender and agrees with it, if there is a control port.
  private func pair(_ wait: Wait) throws(Failure) -> ReceiverPairing? {
    guard let port = options.controlPort else { return nil }
    let address = try SocketAddress(configuration.address, port: port)
    let control = try ControlPort(on: address)
    let waiting = Announcement.waitingForSender(address)
    waiting.print()
    wait.progress?.note(waiting.text)
    let (channel, offer) = try control.waitForOffer(
      wait, for: configuration.timeout, from: configuration.admission)
    Announcement.connection(from: channel.peer).print()
    return try ReceiverPairing(
      over: channel, on: offer, as: options, checking: configuration.checks.pattern)
  }

  /// All that lasts while the binding does: on return there is none.
  ///
  /// - Returns: What was measured, with its failure if it is not what was asked for.
  /// - Throws: Why nothing was measured.
  private func measure(
    through netdev: Netdev, with pairing: ReceiverPairing?, in transaction: inout Transaction,
    _ carrier: Carrier, _ wait: Wait, _ watch: InterfaceWatch, into document: inout Document
  ) throws(Failure) -> MeasurementReport {
    let agreement =
      pairing?.agreement
      ?? Agreement(
        flows: options.flows ?? 1, duration: options.duration, omitting: options.omitted ?? .zero)
    var end = try ReceivingEnd(
      for: configuration, connections: agreement.flows, through: netdev, in: &transaction,
      carrier, wait, watch)
    defer { document.carrierChangesInTransfer = end.carrierChanges }
    try pairing?.ready()
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

  /// Waits for the flows' connections.
  private func connect(
    _ count: Int, to end: inout ReceivingEnd, with pairing: ReceiverPairing?,
    in transaction: inout Transaction, _ wait: Wait
  ) throws(Failure) -> [IncomingFlow] {
    try DescriptorLimit.makeRoom(for: count)
    var flows: [IncomingFlow] = []
    while flows.count < count {
      let name = count == 1 ? "a connection" : "connection \(flows.count + 1) of \(count)"
      let connection = try end.next(wait, called: name, orEndOf: pairing?.channel)
      let peer = connection.peer
      if configuration.configuresNIC, let peer {
        let source = FlowTuple.End(peer.address, port: peer.port)
        if let refusal = try end.steering.add(source, as: flows.count, in: &transaction) {
          Diagnostics.print(
            "flow \(flows.count) stays on queue \(end.queues.lowerBound): \(refusal)")
        }
      }
      flows.append(
        try IncomingFlow(
          flows.count, over: connection, through: end.bindingID,
          memorySize: end.memory.buffer.byteCount / count, checking: configuration.checks.pattern,
          every: configuration.checks.interval, failsOnLinear: configuration.checks.failsOnLinear,
          tokensArePages: end.tokenMode == .manual))
    }
    end.noteSteering(by: transaction)
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

extension ReceiverPairing {
  /// Exchanges figures with the sender, if the flows ended as they were to.
  ///
  /// - Parameter verdict: This end's verdict on its flows.
  /// - Returns: What the sender reports; `nil` if there was nothing to exchange.
  fileprivate func exchange(
    _ flows: [IncomingFlow], _ report: MeasurementReport, _ measured: WorkerGroup.Outcome,
    _ verdict: Verdict,
    checks: Configuration.Checks
  ) throws(Failure) -> PeerReport? {
    guard case .success(let end) = measured.end else { return nil }
    guard end == .complete else {
      throw Failure("receive", reason: "the sender did not end when it was to")
    }
    var received: [UInt16: Received] = [:]
    for (flow, described) in zip(flows, report.flows) {
      received[flow.connection.peer?.port ?? 0] = Received(
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
