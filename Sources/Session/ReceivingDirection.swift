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

/// The flows that a measurement receives, from the set-up of the NIC to their report. The binding
/// lasts as long as the value.
struct ReceivingDirection: ~Copyable {
  private let configuration: Configuration.Receive
  private let options: MeasurementOptions
  private let pairing: (any Pairing)?
  private let agreement: Agreement
  private let netdev: Netdev
  private let watch: InterfaceWatch
  private let interface: (index: UInt32, name: String, driver: String)
  private var end: ReceivingEnd
  private var flows: [IncomingFlow] = []
  private var workers: [ReceiveWorker] = []

  /// What counts the flows while they last.
  struct Recording {
    /// Their threads.
    let track: WorkerGroup.Track
    /// What the driver had counted before.
    fileprivate let statistics: [UInt32: QueueStatistics]
  }

  /// Sets the NIC up, binds, and listens if the other end is to connect.
  init(
    _ configuration: Configuration.Receive, _ options: MeasurementOptions,
    agreedBy pairing: (any Pairing)?, through netdev: Netdev, in transaction: inout Transaction,
    _ carrier: Carrier, _ wait: Wait, _ watch: InterfaceWatch
  ) throws(Failure) {
    self.configuration = configuration
    self.options = options
    self.pairing = pairing
    self.netdev = netdev
    self.watch = watch
    agreement =
      pairing?.agreement
      ?? Agreement(
        flows: options.flows ?? 1, duration: options.duration, omitting: options.omitted ?? .zero)
    interface = (
      transaction.interface.index, transaction.interface.name, transaction.interface.driver
    )
    end = try ReceivingEnd(
      for: configuration, connecting: try configuration.flows(agreedBy: pairing),
      connections: agreement.flows, through: netdev, in: &transaction, carrier, wait, watch)
  }

  /// How often the carrier was lost or came back since the set-up, each counted.
  var carrierChanges: Int { end.carrierChanges }

  /// Waits for the flows' connections, or makes them, and chooses their threads.
  mutating func connect(in transaction: inout Transaction, _ wait: Wait) throws(Failure) {
    try DescriptorLimit.makeRoom(for: agreement.connections)
    while flows.count < agreement.flows {
      let connection = try next(wait)
      let flow = try tuple(of: connection, among: end.steering.flow)
      // A ring cannot follow a flow to another queue.
      if configuration.configuresNIC, end.zcrx == nil, let flow {
        if let refusal = try end.steering.add(flow, as: flows.count, in: &transaction) {
          Diagnostics.print(
            "flow \(flows.count) stays on queue \(end.queues.lowerBound): \(refusal)")
        }
      }
      flows.append(
        try IncomingFlow(
          flows.count, over: connection, hasConnected: configuration.request != nil,
          by: end.method(for: flows.count, of: agreement.flows),
          checking: configuration.checks.pattern,
          every: configuration.checks.interval,
          comparedBy: try end.devmem?.memory.comparer?.comparison(),
          in: ExchangePart(agreement, asks: configuration.request != nil)))
    }
    end.noteSteering(by: transaction)
    workers = try makeWorkers()
  }

  /// Makes the flows' next connection, or waits for it.
  private func next(_ wait: Wait) throws(Failure) -> Connection {
    guard configuration.request != nil else {
      let name =
        agreement.flows == 1
        ? "a connection" : "connection \(flows.count + 1) of \(agreement.flows)"
      return try end.next(wait, called: name, orEndOf: pairing?.channel)
    }
    let connection = try configuration.call.connect(
      to: configuration.flowPort(agreedBy: pairing), through: interface.index,
      as: configuration.tcp, wait)
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

  /// Shares the flows out to threads, and these to CPUs.
  private func makeWorkers() throws(Failure) -> [ReceiveWorker] {
    let allowed = try attempt("ask which CPUs are allowed") { () throws(Errno) in
      try Affinity.allowed()
    }
    // More threads than CPUs would take turns, and each turn costs.
    let groups = try groups(atMost: options.threads ?? (options.cpus?.cpus ?? allowed).count)
    let count = groups.count
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
    return zip(groups, cpus).map { group, cpu in
      ReceiveWorker(
        group.flows, on: cpu, in: end.devmem?.memory ?? end.zcrx?.memory, by: group.ring,
        silence: end.silence)
    }
  }

  /// The flows that share a thread: so many groups at most, or those of a ring.
  private func groups(
    atMost count: Int
  ) throws(Failure) -> [(flows: [IncomingFlow], ring: SharedRing?)] {
    guard let zcrx = end.zcrx else {
      let count = min(count, flows.count)
      return (0..<count).map { thread in (flows.filter { $0.index % count == thread }, nil) }
    }
    var groups = zcrx.rings.map { (flows: [IncomingFlow](), ring: SharedRing?.some($0)) }
    for flow in flows {
      let ring = try end.ring(of: flow.connection, in: zcrx)
      groups[Int(ring.queue - end.queues.lowerBound)].flows.append(flow)
    }
    return groups.filter { !$0.flows.isEmpty }
  }

  /// What the flows are received with.
  var setting: MeasurementReport.Setting {
    let receiving = MeasurementReport.ReceivingEnd(
      by: configuration.target.engine, queues: end.queues,
      rxPageSize: configuration.target.binding.rxPageSize,
      tokenMode: end.devmem?.tokenMode, patternPeriod: configuration.checks.pattern?.period,
      validationInterval: configuration.checks.interval, busyPoll: configuration.busyPoll,
      steering: end.steering.method)
    return MeasurementReport.Setting(
      agreement, options, on: interface.name, driver: interface.driver,
      configuration.address.family, memory: end.memoryFacts, as: .receive(receiving))
  }

  /// Prepares the count of the connected flows.
  func record(to stream: EventStream?) throws(Failure) -> Recording {
    let recorder = IntervalRecorder(
      of: counters, from: workers, every: options.interval, omitting: agreement.omitted,
      as: .receive, by: configuration.target.engine, isMutual: agreement.isMutual, to: stream)
    return Recording(
      track: WorkerGroup.Track(workers, recordedBy: recorder),
      statistics: try netdev.receiveStatistics(ofInterface: interface.index))
  }

  /// What the flows count.
  var counters: [FlowCounters] { flows.map(\.counters) }

  /// What those who watch the run see of it.
  var progress: TransferProgress {
    var goal = agreement.goal
    goal.bytes = goal.bytes ?? configuration.checks.expectedByteCount
    return TransferProgress(
      .receive, of: .flows, until: goal, isChecked: configuration.checks.pattern != nil)
  }

  /// How long the flows may take. A sender that ends by itself gets the timeout in addition.
  var limit: Duration? {
    guard pairing != nil, let duration = agreement.wholeDuration else {
      return agreement.wholeDuration
    }
    guard let timeout = configuration.timeout else { return nil }
    return duration + timeout
  }

  /// Judges the flows that have ended, and exchanges figures with the sender.
  ///
  /// - Returns: What was measured, with its failure if it is not what was asked for.
  func report(_ measured: WorkerGroup.Outcome, of recording: Recording) -> MeasurementReport {
    if pairing == nil {
      for flow in flows where flow.figures.bytes == 0 && flow.connection.isOver {
        configuration.explainEmpty("flow \(flow.index)", endedBy: measured.end.map { _ in })
      }
    }
    var report = MeasurementReport(setting, measured, recording.track.recorder, of: workers)
    let states = end.queueStates()
    let queues = end.queues
    let streams = flows.map { flow in
      Verdict.Stream(
        flow: flow.index, flow.figures,
        arrival: Verdict.Arrival(flow.queue(among: states), among: queues),
        wroteMemory: flow.wroteMemory)
    }
    var verdict = Verdict(
      of: measured.end.map { _ in }.mapError(watch.explain), streams,
      Verdict.Demands(configuration.checks, of: configuration.target.engine))
    do throws(Failure) {
      report.flows = try flows.map { flow throws(Failure) in try flow.description(among: states) }
      let after = try netdev.receiveStatistics(ofInterface: interface.index)
      report.queues = queues.map {
        ($0, QueueStatistics.counted(for: $0, from: recording.statistics, to: after))
      }
      report.peer = try pairing?.exchange(
        flows, report, measured, verdict, checks: configuration.checks)
    } catch {
      verdict.add(error)
    }
    report.failure = verdict.failure
    return report
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
      received, by: report.setting.end.engine, in: measured.whole.length,
      isChecked: checks.pattern != nil,
      hasFailed: verdict.failure != nil)
  }
}

extension Configuration.Receive {
  /// What its connections have in common, where it makes them.
  var call: Call {
    Call(interface: target.interface, address: address, source: peer, timeout: timeout)
  }

  /// The port of the end that listens for the flows.
  fileprivate func flowPort(agreedBy pairing: (any Pairing)?) -> UInt16 {
    (pairing as? CallerPairing)?.flowPort ?? port
  }

  /// What flows have in common that this end connects; `nil` where it listens for them.
  fileprivate func flows(agreedBy pairing: (any Pairing)?) throws(Failure) -> FlowTuple? {
    guard request != nil, let channel = pairing?.channel else { return nil }
    let own = try attempt("ask for the address of this end") { () throws(Errno) in
      try channel.localAddress()
    }
    // The address as the command line has it names the peer; the kernel's choice is this end's.
    guard let own else { throw Failure("ask for the address of this end") }
    return FlowTuple(
      to: FlowTuple.End(own.address, port: nil),
      from: FlowTuple.End(address, port: flowPort(agreedBy: pairing)))
  }
}
