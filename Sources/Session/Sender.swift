// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Measurement
internal import NIC
internal import Netdev
internal import Options
internal import Sockets
internal import Transfer

/// One sending run: connects, and sends the standard input from device memory.
struct Sender {
  let configuration: Configuration.Send

  /// Runs to the end.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) {
    let interface = try Interface(announcing: configuration.interface)
    let watch = try InterfaceWatch(of: interface, to: "send on")
    try watch.explaining { () throws(Failure) in
      try send(on: interface, wait.watching(watch), into: &document)
    }
  }

  private func send(
    on interface: borrowing Interface, _ wait: Wait, into document: inout Document
  ) throws(Failure) {
    guard configuration.engine == .devmem else {
      return try sendFromHost(on: interface, wait, into: &document)
    }
    var memory = try configuration.memory.allocate(announcedFor: configuration.interface)
    try memory.checkWritable()
    let binding = try configuration.bind(memory.descriptor, to: interface)
    let pieces = SmallPieces(of: configuration.chunkSize, on: interface)
    let connection = try connect(through: interface, wait)
    configuration.warn(of: pieces, over: connection)
    let (summary, result) = send(
      through: &memory, boundAs: binding.id, to: connection, wait)
    document.report(summary.figures.adding(MemoryFacts(configuration.memory.kind, memory)))
    try result.mapError(pieces.explain).get()
  }

  /// Sends from ordinary memory through a socket.
  private func sendFromHost(
    on interface: borrowing Interface, _ wait: Wait, into document: inout Document
  ) throws(Failure) {
    var memory = try HostMemory(byteCount: Self.hostMemorySize)
    let destination = SendDestination(
      over: try connect(through: interface, wait), from: memory,
      copying: configuration.engine == .socket)
    let (summary, result) = send(through: &memory, to: destination, wait)
    document.report(summary.figures)
    try result.get()
  }

  private func connect(
    through interface: borrowing Interface, _ wait: Wait
  ) throws(Failure) -> Connection {
    try configuration.call.connect(
      to: configuration.port, fromPort: configuration.port, through: interface.index,
      as: configuration.tcp, wait)
  }

  /// Sends the standard input.
  ///
  /// - Returns: What was done, and what failed.
  private func send<
    Memory: WritableMemory & ~Copyable, Destination: DevmemDestination & ~Copyable
  >(
    through memory: inout Memory, boundAs binding: UInt32 = 0,
    to destination: borrowing Destination, _ wait: Wait
  ) -> (SendSummary, Result<Void, Failure>) {
    LeastPrivilege.enter(keeping: [])
    let isPlain = configuration.engine.isSocket
    let counters = FlowCounters()
    let progress = TransferProgress(
      .send, of: .stream,
      until: TransferProgress.Goal(bytes: Descriptor.standardInput.bytesAhead))
    wait.progress?.note([(progress, [counters])])
    var loop = SendLoop(
      binding: binding, chunkSize: configuration.chunkSize, timeout: configuration.timeout,
      by: configuration.engine
    ) {
      counters.publish(FlowFigures($0, isPlain: isPlain))
    }
    let (start, cpu) = (Instant.now, CPUTime.now)
    let result = Result { () throws(Failure) in
      var input = InputSource(from: .standardInput, wait)
      try loop.run(from: &input, through: &memory, to: destination, wait)
      try loop.finish(to: destination, wait)
    }
    let summary = SendSummary(
      by: configuration.engine, statistics: loop.statistics, duration: Instant.now.since(start),
      cpu: CPUTime.now.since(cpu))
    Diagnostics.inform(summary.text)
    return (summary, result)
  }

  /// How much a run sends from at most before the kernel is done with some of it, in bytes.
  private static let hostMemorySize = 16 << 20
}

extension Configuration.Send {
  /// Binds device memory to the interface for sending, unless connections of the interface could
  /// not reach the receiver.
  func bind(
    _ dmabuf: borrowing OwnedDescriptor, to interface: borrowing Interface
  ) throws(Failure) -> TransmitBinding {
    let stacking = Stacking(of: self.interface)
    let binding: TransmitBinding
    do throws(Failure) {
      binding = try Netdev().bindTransmit(
        interface: interface.index, named: interface.subject, to: dmabuf)
    } catch {
      throw stacking.explain(bind: error)
    }
    try stacking.checkSending(to: address, from: source)
    Announcement.transmitBinding(binding.id).print()
    return binding
  }

  /// Prints a warning where a connection's packets may have too many pieces.
  func warn(of pieces: SmallPieces, over connection: borrowing Connection) {
    guard let size = try? connection.segmentSize(),
      let warning = pieces.warning(forPacketsOf: size)
    else { return }
    Diagnostics.print(warning)
  }

  /// What its connections have in common.
  var call: Call {
    Call(interface: interface, address: address, source: source, timeout: timeout)
  }
}
