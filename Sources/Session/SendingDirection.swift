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

/// The flows that a measurement sends, from the memory that they come from to their report. The
/// binding lasts as long as the value.
struct SendingDirection: ~Copyable {
  private let configuration: Configuration.Send
  private let options: MeasurementOptions
  private let agreement: Agreement
  private let watch: InterfaceWatch
  private let interface: (index: UInt32, name: String, driver: String)
  private let pieces: SmallPieces
  private let source: Source
  private var flows: [OutgoingFlow] = []

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

  /// Writes the pattern that all flows send, and binds the memory if it is device memory.
  init(
    _ configuration: Configuration.Send, _ options: MeasurementOptions, as agreement: Agreement,
    on interface: borrowing Interface, _ watch: InterfaceWatch
  ) throws(Failure) {
    self.configuration = configuration
    self.options = options
    self.agreement = agreement
    self.watch = watch
    self.interface = (interface.index, interface.name, interface.driver)
    source = try Self.source(for: configuration, on: interface)
    pieces = SmallPieces(of: configuration.chunkSize, on: interface)
  }

  private static func source(
    for configuration: Configuration.Send, on interface: borrowing Interface
  ) throws(Failure) -> Source {
    let pattern = configuration.load.pattern
    guard !configuration.load.usesHostMemory else {
      return Source(pattern: try PatternMemory(pattern), bound: nil)
    }
    var buffer = try configuration.memory.allocate(announcedFor: configuration.interface)
    let memory = try PatternMemory(pattern, into: &buffer)
    let binding = try configuration.bind(buffer.descriptor, to: interface)
    return Source(pattern: memory, bound: Source.Bound(binding: binding, buffer: buffer))
  }

  /// Connects each flow. Several connections cannot share a port of the end that connects.
  mutating func connect(_ wait: Wait) throws(Failure) {
    try DescriptorLimit.makeRoom(for: agreement.connections)
    for _ in 0..<agreement.flows {
      let connection = try configuration.call.connect(
        to: configuration.port, through: interface.index, as: configuration.tcp, wait)
      try add(connection)
    }
    warn()
  }

  /// Takes the connection of each flow from the end that called.
  mutating func accept(
    from listener: borrowing Listener, _ caller: ListenerPairing, _ wait: Wait
  ) throws(Failure) {
    try DescriptorLimit.makeRoom(for: agreement.connections)
    for index in 0..<agreement.flows {
      wait.progress?.note("waiting for connection \(index + 1) of \(agreement.flows)")
      let connection = try listener.next(
        wait, for: configuration.timeout, from: .anyone, orEndOf: caller.channel)
      try connection.prepareToSend(through: interface.index)
      try add(connection, wasConnected: true)
    }
    warn()
  }

  private mutating func add(
    _ connection: consuming Connection, wasConnected: Bool = false
  ) throws(Failure) {
    let index = flows.count
    let loop = SendLoop(
      binding: source.bindingID, chunkSize: configuration.chunkSize, timeout: configuration.timeout,
      by: configuration.engine, named: "flow \(index)")
    flows.append(
      try OutgoingFlow(
        index, over: connection, wasConnected: wasConnected, by: loop, from: source.pattern,
        configuration.load, copying: configuration.engine != .zerocopySocket,
        for: agreement.wholeDuration,
        in: ExchangePart(agreement, asks: !wasConnected),
        on: options.cpus.map { $0.cpus[index % $0.cpus.count] }))
  }

  /// Prints a warning where the flows' packets may have too many pieces.
  private func warn() {
    guard let flow = flows.first, !configuration.load.usesHostMemory else { return }
    configuration.warn(of: pieces, over: flow.destination.connection)
  }

  /// What the flows are sent with.
  var setting: MeasurementReport.Setting {
    MeasurementReport.Setting(
      agreement, options, on: interface.name, driver: interface.driver,
      configuration.address.family, memory: source.facts(as: configuration.memory.kind),
      as: .send(
        MeasurementReport.SendingEnd(
          by: configuration.engine, configuration.load, chunkSize: configuration.chunkSize)))
  }

  /// Prepares the count of the connected flows.
  func record(to stream: EventStream?) -> WorkerGroup.Track {
    let recorder = IntervalRecorder(
      of: counters, from: flows, every: options.interval, omitting: agreement.omitted, as: .send,
      isMutual: agreement.isMutual, to: stream)
    return WorkerGroup.Track(flows, recordedBy: recorder)
  }

  /// What the flows count.
  var counters: [FlowCounters] { flows.map(\.counters) }

  /// What those who watch the run see of it.
  var progress: TransferProgress { TransferProgress(.send, of: .flows, until: agreement.goal) }

  /// Exchanges figures with the receiver of the flows, which have ended.
  ///
  /// - Returns: What was measured, with its failure if it is not what was asked for.
  func report(
    _ measured: WorkerGroup.Outcome, of track: WorkerGroup.Track, agreedBy pairing: (any Pairing)?
  ) -> MeasurementReport {
    var report = MeasurementReport(setting, measured, track.recorder, of: flows)
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
        let peer = try pairing.exchange(
          sent, by: configuration.engine, in: measured.whole.length)
        report.peer = peer
        report.failure = peer.failure(for: sent)
      }
    } catch {
      report.failure = pieces.explain(watch.explain(error))
    }
    return report
  }
}
