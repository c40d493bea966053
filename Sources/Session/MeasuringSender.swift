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

/// One sending measurement: agrees with the receiver if they are paired, and sends a pattern over
/// several connections at once, each on a thread of its own.
struct MeasuringSender {
  let configuration: Configuration.Send
  let options: MeasurementOptions

  /// What the flows send from.
  private struct Source: ~Copyable {
    let pattern: PatternMemory
    /// `nil` where the payload comes from host memory.
    let bound: Bound?

    /// Device memory that has a binding.
    struct Bound: ~Copyable {
      let binding: TransmitBinding
      let buffer: DeviceBuffer
    }

    /// What is known of the device memory; `nil` if there is none.
    func facts(as kind: MemoryKind) -> MemoryFacts? {
      switch bound {
      case .some(let bound): MemoryFacts(kind, bound.buffer)
      case .none: nil
      }
    }

    /// The id that each send names; any where there is no binding.
    var bindingID: UInt32 {
      switch bound {
      case .some(let bound): bound.binding.id
      case .none: 0
      }
    }
  }

  /// Runs to the end.
  ///
  /// - Throws: What failed, or what the receiver found wrong.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) {
    let agreement = Agreement(configuration.load, options)
    let interface = try Interface(announcing: configuration.interface)
    let watch = try InterfaceWatch(of: interface, to: "send on")
    try watch.explaining { () throws(Failure) in
      try measure(on: interface, as: agreement, wait.watching(watch), watch, into: &document)
    }
  }

  /// Sends to a caller that asks for it (`--reverse`), to the end.
  ///
  /// - Throws: What failed, or what the receiver found wrong.
  func run(
    for pairing: ListenerPairing, _ wait: Wait, into document: inout Document
  ) throws(Failure) {
    do throws(Failure) {
      let interface = try Interface(announcing: configuration.interface)
      let watch = try InterfaceWatch(of: interface, to: "send on")
      try watch.explaining { () throws(Failure) in
        try measure(
          on: interface, as: pairing.agreement, for: pairing, wait.watching(watch), watch,
          into: &document)
      }
    } catch {
      pairing.refuse()
      throw error
    }
  }

  /// - Parameter caller: Who has asked for the flows, and connects them; this end does if `nil`.
  private func measure(
    on interface: borrowing Interface, as agreement: Agreement, for caller: ListenerPairing? = nil,
    _ wait: Wait, _ watch: InterfaceWatch, into document: inout Document
  ) throws(Failure) {
    let source = try prepare(on: interface)
    let pieces = SmallPieces(of: configuration.chunkSize, on: interface)
    var pairing: (any Pairing)? = caller
    if caller == nil, let port = options.controlPort {
      pairing = try configuration.call.pair(
        at: port, through: interface.index, on: agreement, wait)
    }
    let flows = try connect(agreement, for: caller, through: interface.index, from: source, wait)
    if let flow = flows.first, !configuration.load.usesHostMemory {
      configuration.warn(of: pieces, over: flow.destination.connection)
    }
    let setting = MeasurementReport.Setting(
      agreement, options, on: interface.name, driver: interface.driver,
      configuration.address.family, memory: source.facts(as: configuration.memory.kind),
      as: .send(
        MeasurementReport.SendingEnd(configuration.load, chunkSize: configuration.chunkSize)))
    document.begin(with: setting.figures, as: MeasurementReport.schema)
    let recorder = IntervalRecorder(
      of: flows.map(\.counters), from: flows, every: options.interval,
      omitting: agreement.omitted, as: .send, to: document.stream)
    wait.progress?.note(
      TransferProgress(.send, of: .flows, until: agreement.goal), of: flows.map(\.counters))
    // The flows themselves end after the duration.
    let measured = try WorkerGroup().run(flows, for: nil, recording: recorder, wait)
    var report = MeasurementReport(setting, measured, recorder, of: flows)
    do throws(Failure) {
      let described = Result { () throws(Failure) in
        try flows.map { flow throws(Failure) in try flow.description() }
      }
      report.flows = (try? described.get()) ?? []
      // What ended a flow comes before what could not be read of it.
      _ = try measured.end.get()
      _ = try described.get()
      if let pairing {
        let sent = report.flows.compactMap {
          SentFlow($0, omitting: report.omitted?.flows[$0.index] ?? FlowFigures())
        }
        let peer = try pairing.exchange(sent, in: measured.whole.length)
        report.peer = peer
        report.failure = peer.failure(for: sent)
      }
    } catch {
      report.failure = pieces.explain(watch.explain(error))
    }
    try report.conclude(in: &document)
  }

  /// Takes the connection of each flow from a caller.
  private func accept(
    _ agreement: Agreement, from caller: ListenerPairing, through interface: UInt32,
    from source: borrowing Source, _ wait: Wait
  ) throws(Failure) -> [OutgoingFlow] {
    let address = try SocketAddress(
      configuration.source ?? configuration.address, port: configuration.port)
    let listener = try Listener(
      announcing: address, backlog: agreement.flows, as: configuration.tcp)
    try caller.ready()
    var flows: [OutgoingFlow] = []
    for index in 0..<agreement.flows {
      wait.progress?.note("waiting for connection \(index + 1) of \(agreement.flows)")
      let connection = try listener.next(
        wait, for: configuration.timeout, from: .anyone, orEndOf: caller.channel)
      try connection.prepareToSend(through: interface)
      flows.append(
        try flow(index, over: connection, wasConnected: true, as: agreement, from: source))
    }
    try caller.waitForCaller()
    return flows
  }

  /// Connects each flow, or takes its connection from a caller. Several connections cannot share a
  /// port of the end that connects.
  private func connect(
    _ agreement: Agreement, for caller: ListenerPairing?, through interface: UInt32,
    from source: borrowing Source, _ wait: Wait
  ) throws(Failure) -> [OutgoingFlow] {
    try DescriptorLimit.makeRoom(for: agreement.flows)
    if let caller {
      return try accept(agreement, from: caller, through: interface, from: source, wait)
    }
    var flows: [OutgoingFlow] = []
    for index in 0..<agreement.flows {
      let connection = try configuration.call.connect(
        to: configuration.port, through: interface, as: configuration.tcp, wait)
      flows.append(try flow(index, over: connection, as: agreement, from: source))
    }
    return flows
  }

  private func flow(
    _ index: Int, over connection: consuming Connection, wasConnected: Bool = false,
    as agreement: Agreement, from source: borrowing Source
  ) throws(Failure) -> OutgoingFlow {
    let loop = SendLoop(
      binding: source.bindingID, chunkSize: configuration.chunkSize, timeout: configuration.timeout,
      named: "flow \(index)")
    return try OutgoingFlow(
      index, over: connection, wasConnected: wasConnected, by: loop, from: source.pattern,
      configuration.load, for: agreement.wholeDuration,
      on: options.cpus.map { $0.cpus[index % $0.cpus.count] })
  }

  /// Writes the pattern, and binds the memory if it is device memory.
  private func prepare(on interface: borrowing Interface) throws(Failure) -> Source {
    let pattern = configuration.load.pattern
    guard !configuration.load.usesHostMemory else {
      return Source(pattern: PatternMemory(pattern), bound: nil)
    }
    var buffer = try configuration.memory.allocate(announcedFor: configuration.interface)
    let memory = try PatternMemory(pattern, into: &buffer)
    let binding = try configuration.bind(buffer.descriptor, to: interface)
    return Source(pattern: memory, bound: Source.Bound(binding: binding, buffer: buffer))
  }
}
