// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Netdev
package import Sockets
package import Transfer

/// The result of a measurement, as data: `lines` (for people) and `figures` (for programs) are
/// made from it.
package struct MeasurementReport: Sendable {
  /// What the measurement was made with.
  package struct Setting: Sendable {
    /// What both ends have.
    package var agreement: Agreement
    /// How much time a reported interval has; zero for none but the whole.
    package var interval: Duration
    /// Whether both ends agreed over a control connection.
    package var isPaired: Bool
    /// The network interface's name.
    package var interface: String
    /// The name of its driver.
    package var driver: String
    /// The protocol of the flows.
    package var addressFamily: IPAddress.Family
    /// The device memory; `nil` if there is none.
    package var memory: MemoryFacts?
    /// What only this end has.
    package var end: End

    /// Gathers what a measurement was made with.
    package init(
      _ agreement: Agreement, _ options: MeasurementOptions, on interface: String,
      driver: String, _ addressFamily: IPAddress.Family, memory: MemoryFacts?, as end: End
    ) {
      self.agreement = agreement
      interval = options.interval
      isPaired = options.controlPort != nil
      self.interface = interface
      self.driver = driver
      self.addressFamily = addressFamily
      self.memory = memory
      self.end = end
    }
  }

  /// What only one end has.
  package enum End: Sendable {
    /// What a receiver has.
    case receive(ReceivingEnd)
    /// What a sender has.
    case send(SendingEnd)

    /// Which end it is.
    package var role: MeasurementRole {
      switch self {
      case .receive: .receive
      case .send: .send
      }
    }

    /// What it receives or sends by.
    package var engine: Engine {
      switch self {
      case .receive(let end): end.engine
      case .send(let end): end.engine
      }
    }
  }

  /// What a receiver was set up with.
  package struct ReceivingEnd: Sendable {
    /// What receives.
    package var engine: Engine
    /// The RX queues that are bound, or to which the flows of sockets are steered, if any.
    package var queues: Range<UInt32>
    /// The size of the NIC's buffers in bytes; the driver's choice if `nil`.
    package var rxPageSize: UInt32?
    /// How the kernel keeps the tokens; `nil` where there are none.
    package var tokenMode: TokenMode?
    /// The period of the pattern that the payload was compared with; `nil` if it was dropped.
    package var patternPeriod: Int?
    /// Of how many pieces the first one was compared.
    package var validationInterval: Int
    /// How long a receive polls its queue for packets; the system's choice if `nil`.
    package var busyPoll: Duration?
    /// How the flows get to the queues.
    package var steering: FlowSteering.Method

    /// Gathers what a receiver was set up with.
    package init(
      by engine: Engine = .devmem, queues: Range<UInt32>, rxPageSize: UInt32?,
      tokenMode: TokenMode?, patternPeriod: Int?,
      validationInterval: Int, busyPoll: Duration?, steering: FlowSteering.Method
    ) {
      self.engine = engine
      self.queues = queues
      self.rxPageSize = rxPageSize
      self.tokenMode = tokenMode
      self.patternPeriod = patternPeriod
      self.validationInterval = validationInterval
      self.busyPoll = busyPoll
      self.steering = steering
    }
  }

  /// What a sender was set up with.
  package struct SendingEnd: Sendable {
    /// What sends.
    package var engine: Engine
    /// What each flow sends.
    package var load: Load
    /// The size of the pieces of a send, in bytes; one piece if `nil`.
    package var chunkSize: Int?

    /// Gathers what a sender was set up with.
    package init(by engine: Engine = .devmem, _ load: Load, chunkSize: Int?) {
      self.engine = engine
      self.load = load
      self.chunkSize = chunkSize
    }
  }

  /// What is known of a flow at its end.
  package struct Flow: Sendable {
    /// The flow's number, counted from 0.
    package var index: Int
    /// What was transferred.
    package var figures: FlowFigures
    /// The kernel's account of the connection.
    package var information: ConnectionInformation
    /// What only this end knows of the flow.
    package var detail: Detail
    /// Whether the NIC wrote payload into the memory, of a flow that nobody validates; `nil` where
    /// that is not known.
    package var wroteMemory: Bool?
    /// How long exchanges took; `nil` where this end asked nothing.
    package var latencies: LatencyHistogram?

    /// What only one end knows.
    package enum Detail: Sendable {
      /// Where it came from, the port of the end that connected, and which RX queue and which CPU its last packets went through: as far
      /// as the kernel knows.
      case received(from: SocketAddress?, port: UInt16?, queue: UInt32?, cpu: Int?)
      /// The port of the end that connected, and what the send loop did.
      case sent(port: UInt16, SendStatistics)
    }

    /// States what is known of a flow.
    package init(
      _ index: Int, _ figures: FlowFigures, _ information: ConnectionInformation,
      _ detail: Detail, wroteMemory: Bool? = nil, latencies: LatencyHistogram? = nil
    ) {
      self.latencies = latencies
      self.index = index
      self.figures = figures
      self.information = information
      self.detail = detail
      self.wroteMemory = wroteMemory
    }
  }

  /// What is known of a worker at its end.
  package struct Worker: Sendable {
    /// The numbers of its flows.
    package var flows: [Int]
    /// Where it was to run; anywhere if `nil`.
    package var cpu: Int?
    /// Where it was at its end.
    package var lastCPU: Int?
    /// CPU time of the thread, without the warm-up's.
    package var cpuTime: Duration

    /// States what is known of a worker.
    package init(flows: [Int], cpu: Int?, lastCPU: Int?, cpuTime: Duration) {
      self.flows = flows
      self.cpu = cpu
      self.lastCPU = lastCPU
      self.cpuTime = cpuTime
    }

    /// What a thread left.
    ///
    /// - Parameter cpuTime: What it used in the time that counts.
    package init(_ worker: any FlowWorker, cpuTime: Duration) {
      self.init(
        flows: worker.flowIndices, cpu: worker.cpu, lastCPU: worker.record.lastCPU,
        cpuTime: cpuTime)
    }
  }

  /// What the measurement was made with.
  package let setting: Setting
  /// The host that this end ran on.
  package let host: HostFacts
  /// The run as one interval, without its warm-up.
  package let whole: Interval
  /// The warm-up as one interval; `nil` without one.
  package let omitted: Interval?
  /// The intervals that were kept, in order; those of the warm-up come first.
  package let intervals: [Interval]
  /// How many intervals were not kept.
  package let periodsPerInterval: Int
  /// What is known of each worker.
  package let workers: [Worker]
  /// What is known of each flow.
  package var flows: [Flow] = []
  /// What the driver counted meanwhile for each bound queue, by its number; none of a sender.
  package var queues: [(queue: UInt32, statistics: QueueStatistics)] = []
  /// What the other end reports; `nil` without a control connection.
  package var peer: PeerReport?
  /// Why the measurement failed, if it did.
  package var failure: Failure?

  /// Gathers what was measured.
  package init(
    _ setting: Setting, on host: HostFacts, whole: Interval, omitted: Interval? = nil,
    intervals: [Interval] = [], periodsPerInterval: Int = 1, workers: [Worker]
  ) {
    self.omitted = omitted
    self.setting = setting
    self.host = host
    self.whole = whole
    self.intervals = intervals
    self.periodsPerInterval = periodsPerInterval
    self.workers = workers
  }

  /// Gathers what threads measured on this host.
  package init(
    _ setting: Setting, _ measured: WorkerGroup.Outcome, _ recorder: IntervalRecorder,
    of workers: [any FlowWorker]
  ) {
    self.init(
      setting, on: HostFacts(interface: setting.interface, cpus: workers.compactMap(\.cpu)),
      whole: measured.whole, omitted: recorder.omitted,
      intervals: recorder.omittedHistory.intervals + recorder.history.intervals,
      periodsPerInterval: recorder.history.readingsPerInterval,
      workers: workers.enumerated().map {
        Worker($1, cpuTime: recorder.cpuTime(ofWorker: $0))
      })
  }

  /// What was transferred of a flow in the time that counts.
  func measured(_ flow: Flow) -> FlowFigures {
    omitted.map { flow.figures - $0.flows[flow.index] } ?? flow.figures
  }

  /// Why nothing was measured although the flows did what they were to; `nil` if something was.
  package var emptiness: Failure? {
    guard let omitted, whole.length == .zero else { return nil }
    return Failure(
      "measure",
      reason: "the flows ended after \(omitted.length.inSeconds.formatted(1)) s, in the warm-up",
      hint: "leave out less (--omit), or send for longer")
  }

  /// How long the exchanges of all flows took; `nil` where this end asked nothing.
  var latencies: LatencyHistogram? {
    let known = flows.compactMap(\.latencies)
    return known.dropFirst().reduce(into: known.first) { $0?.add($1) }
  }

  /// Which end this is.
  package var role: MeasurementRole { setting.end.role }

  /// CPU time of a worker for each GiB that it received or sent; `nil` where that was nothing.
  func cpuSecondsPerGiB(of worker: Worker) -> Double? {
    let bytes = worker.flows.reduce(0) { $0 + whole.flows[$1].bytes }
    return bytes > 0 ? worker.cpuTime.inSeconds / (Double(bytes) / 1_073_741_824) : nil
  }
}
