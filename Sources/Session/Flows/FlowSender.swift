// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Payload
internal import Sockets

/// One sending measurement: agrees with the receiver if there is one to agree with, and sends a
/// pattern over several connections at once, each on a thread of its own.
struct FlowSender {
  let configuration: Configuration.Send
  let measurement: Configuration.Measurement

  /// What the flows send from.
  private struct Source: ~Copyable {
    let memory: PatternMemory
    let binding: TransmitBinding?
    let buffer: DeviceBuffer?

    /// Of the device memory, in bytes; `nil` if there is none.
    var memorySize: Int? {
      switch buffer {
      case .some(let buffer): buffer.byteCount
      case .none: nil
      }
    }

    /// The id that each send names; any where there is no binding.
    var bindingID: UInt32 {
      switch binding {
      case .some(let binding): binding.id
      case .none: 0
      }
    }
  }

  /// Runs to the end.
  ///
  /// - Returns: The signal that stopped the run, if one did.
  func run() throws(Failure) -> CInt? {
    let stop = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
    do throws(Failure) {
      try send(orStoppedBy: stop.rawDescriptor)
      return nil
    } catch {
      guard error.errno == .interrupted, let signal = stop.take() else { throw error }
      return signal
    }
  }

  private func send(orStoppedBy stop: CInt) throws(Failure) {
    let load = configuration.load
    let terms = FlowTerms(
      flows: measurement.flows ?? 1, patternPeriod: load.pattern.period,
      duration: measurement.duration?.wholeSeconds, bytesPerFlow: load.bytesPerFlow)
    let interface = try Interface(named: configuration.interface)
    Diagnostics.print("using ifindex=\(interface.index)")
    let source = try prepare(on: interface)
    var pairing: SenderPairing?
    if let port = measurement.controlPort {
      pairing = try SenderPairing(as: configuration, at: port, on: terms, orStoppedBy: stop)
    }
    let crew = try WorkerCrew()
    var flows: [OutgoingFlow] = []
    for index in 0..<terms.flows {
      flows.append(
        try OutgoingFlow(
          index, over: try configuration.connect(to: configuration.port, orStoppedBy: stop),
          on: measurement.cpus.map { $0.cpus[index % $0.cpus.count] }, from: source.memory,
          boundAs: source.bindingID, chunkSize: configuration.chunkSize, load: load,
          duration: measurement.duration?.wholeSeconds,
          patience: configuration.timeout.map(\.wholeSeconds),
          orStoppedBy: crew.stop.rawDescriptor))
    }
    var report = ThroughputReport(role: .send, terms: terms, measurement: measurement)
    report.describe(
      configuration, on: interface.driver, memorySize: source.memorySize)
    let reporter = ThroughputReporter(
      of: flows.map(\.counters), from: flows, every: measurement.interval.wholeSeconds,
      table: .sending)
    let result: Result<Void, Failure>
    do throws(Failure) {
      result = .success(
        try measure(
          flows, with: crew, reportingTo: reporter, pairing, into: &report, orStoppedBy: stop))
    } catch {
      result = .failure(error)
    }
    report.conclude(with: result)
    report.tell(asJSON: configuration.output.reportsJSON)
    try result.get()
  }

  private func measure(
    _ flows: [OutgoingFlow], with crew: WorkerCrew, reportingTo reporter: ThroughputReporter,
    _ pairing: SenderPairing?, into report: inout ThroughputReport, orStoppedBy stop: CInt
  ) throws(Failure) {
    let outcome: Result<WorkerCrew.End, Failure>
    do throws(Failure) {
      // The flows themselves end after the duration.
      outcome = .success(
        try crew.run(flows, for: nil, reportingTo: reporter, orStoppedBy: stop))
    } catch {
      outcome = .failure(error)
    }
    report.add(reporter, of: flows, on: configuration.interface)
    try report.add(flows)
    if try outcome.get() == .signal { throw Failure("send", errno: .interrupted) }
    try pairing?.exchange(flows, seconds: reporter.whole?.end ?? 0, into: &report)
  }

  /// Writes the pattern, and binds it where it is to be sent from device memory.
  private func prepare(on interface: borrowing Interface) throws(Failure) -> Source {
    let pattern = configuration.load.pattern
    guard !configuration.load.usesHostMemory else {
      return Source(memory: PatternMemory(pattern), binding: nil, buffer: nil)
    }
    var buffer = try configuration.allocateMemory()
    let memory = try PatternMemory(pattern, into: &buffer)
    let binding = try Netdev().bindTransmit(
      interface: interface.index, named: interface.subject, to: buffer.descriptor)
    Diagnostics.print("got tx dmabuf id=\(binding.id)")
    return Source(memory: memory, binding: binding, buffer: buffer)
  }
}

extension Configuration.Send {
  /// Connects to a port of the receiver. Several connections cannot share a port of this end: it is
  /// the kernel's choice.
  func connect(to port: UInt16, orStoppedBy stop: CInt) throws(Failure) -> Connection {
    let peer = try SocketAddress(using: address, port: port)
    var from: SocketAddress?
    if let source { from = try SocketAddress(using: source, port: 0) }
    return try Connection(
      to: peer, from: from, through: interface, until: timeout.deadline, orStoppedBy: stop)
  }
}
