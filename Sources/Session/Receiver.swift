// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Measurement
internal import NIC
internal import Netdev
internal import Options
internal import Recovery
internal import Sockets
internal import Transfer
internal import Uring

/// One receiving run: sets the NIC up, waits for a connection, receives its stream, judges it, and
/// puts the NIC back.
struct Receiver {
  let configuration: Configuration.Receive

  /// Runs to the end.
  ///
  /// - Throws: What failed, or why the stream is not what was asked for.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) {
    let interface = try Interface(announcing: configuration.target.interface)
    let netdev = try Netdev()
    let watch = try InterfaceWatch(of: interface, to: "receive on")
    let carrier = Carrier(of: interface)
    defer { document.report(carrier, of: configuration.target.interface) }
    let watched = wait.watching(watch)
    try withGuardedTransaction(
      on: interface, with: carrier, wait, isGuarded: configuration.configuresNIC
    ) { transaction, carrier throws(Failure) in
      try watch.explaining { () throws(Failure) in
        let source = configuration.peer.map { FlowTuple.End($0, port: configuration.port) }
        var end = try ReceivingEnd(
          for: configuration, from: source, through: netdev, in: &transaction, carrier, watched,
          watch)
        defer { document.carrierChangesInTransfer = end.carrierChanges }
        configuration.enterLeastPrivilege()
        try Capabilities.withoutEffect { () throws(Failure) in
          let connection = try end.next(watched)
          try receive(from: connection, at: &end, watched, into: &document)
        }
      }
    }
  }

  private func receive(
    from connection: borrowing Connection, at end: inout ReceivingEnd, _ wait: Wait,
    into document: inout Document
  ) throws(Failure) {
    guard let pattern = configuration.checks.pattern else {
      let output = StandardOutput()
      let sink = OutputSink(to: output.descriptor, wait)
      return try receive(from: connection, into: sink, at: &end, wait, into: &document)
    }
    let interval = configuration.checks.interval
    guard let comparer = end.devmem?.memory.comparer else {
      let sink = ValidatingSink(pattern, every: interval) { Diagnostics.print($0) }
      return try receive(from: connection, into: sink, at: &end, wait, into: &document)
    }
    let sink = GPUValidatingSink(pattern, by: try comparer.comparison(), every: interval) {
      Diagnostics.print($0)
    }
    try receive(from: connection, into: sink, at: &end, wait, into: &document)
  }

  /// Receives by the engine of the command line.
  private func receive<Sink: PayloadSink & ~Copyable>(
    from connection: borrowing Connection, into sink: consuming Sink, at end: inout ReceivingEnd,
    _ wait: Wait, into document: inout Document
  ) throws(Failure) {
    var trace: Intake<Sink>.Trace?
    if configuration.output.traces {
      trace = { Announcement.fragment($0, totalBytes: $1).print() }
    }
    let intake = Intake(into: sink, trace: trace)
    if let zcrx = end.zcrx {
      let engine = ZeroCopyEngine<ZeroCopyRing, SharedMemory>(
        as: 0, failsOnLinear: configuration.checks.failsOnLinear)
      return try receive(
        from: connection, by: engine, with: try end.ring(of: connection, in: zcrx).take(),
        memorySize: .max, into: intake, at: &end, wait, into: &document)
    }
    guard let devmem = end.devmem else {
      let engine = try SocketEngine(
        of: connection, showsPages: configuration.target.engine == .zerocopySocket)
      return try receive(
        from: connection, by: engine, with: SocketShared(), memorySize: .max, into: intake,
        at: &end, wait, into: &document)
    }
    let engine = DevmemEngine<Connection, SharedMemory>(
      through: devmem.bindingID, failsOnLinear: configuration.checks.failsOnLinear,
      tokensArePages: devmem.tokenMode == .manual)
    try receive(
      from: connection, by: engine, with: DevmemShared(devmem.memory),
      memorySize: devmem.memory.buffer.byteCount, into: intake, at: &end, wait, into: &document)
  }

  private func receive<Engine: ReceiveEngine & ~Copyable, Sink: PayloadSink & ~Copyable>(
    from connection: borrowing Connection, by engine: consuming Engine,
    with shared: consuming Engine.Shared, memorySize: Int, into intake: consuming Intake<Sink>,
    at end: inout ReceivingEnd, _ wait: Wait, into document: inout Document
  ) throws(Failure) where Engine.Source == Connection {
    let counters = FlowCounters()
    let progress = TransferProgress(
      .receive, of: .stream,
      until: TransferProgress.Goal(bytes: configuration.checks.expectedByteCount),
      isChecked: configuration.checks.pattern != nil)
    wait.progress?.note([(progress, [counters])])
    var loop = ReceiveLoop(
      by: engine, into: intake, memorySize: memorySize, silence: end.silence
    ) {
      counters.publish(FlowFigures($0, checkedBytes: $1, wrongBytes: $2 ?? 0))
    }
    let (start, cpu) = (Instant.now, CPUTime.now)
    let result = Result { () throws(Failure) in
      try run(&loop, from: connection, with: &shared, at: &end, wait)
    }
    let summary = ReceiveSummary(
      by: configuration.target.engine, statistics: loop.statistics,
      checkedBytes: loop.intake.sink.checkedByteCount,
      wrongBytes: loop.intake.sink.wrongByteCount, duration: Instant.now.since(start),
      cpu: CPUTime.now.since(cpu))
    Announcement.received(totalBytes: summary.statistics.totalBytes).print()
    Diagnostics.inform(summary.text)
    document.report(end.memoryFacts.map(summary.figures.adding) ?? summary.figures)
    let figures = FlowFigures(
      summary.statistics, checkedBytes: summary.checkedBytes, wrongBytes: summary.wrongBytes ?? 0)
    if figures.bytes == 0 { configuration.explainEmpty("the stream", endedBy: result) }
    let demands = Verdict.Demands(
      configuration.checks, of: configuration.target.engine,
      mustBeRefused: configuration.unbinding == .beforeReceive
        && end.devmem?.tokenMode == .manual)
    // Only plain payload needs to be explained, and not where all is.
    var arrival = Verdict.Arrival.unknown
    if figures.plainBytes > 0, !configuration.target.engine.isSocket {
      let isBound = configuration.unbinding == .afterStream
      arrival = isBound ? end.arrival(of: connection) : .unboundQueue
    }
    try Verdict(of: result, [Verdict.Stream(figures, arrival: arrival)], demands).get()
    if summary.wrongBytes != nil, figures.bytes > 0, !configuration.output.reportsJSON {
      try StandardOutput.print(Announcement.validated.text)
    }
  }

  /// Runs the loop, and unbinds where the command line says.
  private func run<Engine: ReceiveEngine & ~Copyable>(
    _ loop: inout ReceiveLoop<Engine, some PayloadSink & ~Copyable>,
    from connection: borrowing Connection, with shared: inout Engine.Shared,
    at end: inout ReceivingEnd, _ wait: Wait
  ) throws(Failure) where Engine.Source == Connection {
    switch configuration.unbinding {
    case .afterStream: break
    case .beforeReceive:
      let operation = "wait for data"
      guard try wait.limited(to: configuration.timeout).for(connection.descriptor, to: operation)
      else { throw Failure(operation, errno: .timedOut) }
      end.unbind()
    case .afterReceive:
      let progress = try loop.run(from: connection, with: &shared, wait, pausing: true)
      guard progress == .paused else { return }
      end.unbind()
    }
    _ = try loop.run(from: connection, with: &shared, wait)
  }
}
