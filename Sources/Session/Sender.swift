// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Glibc
internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Sockets

/// One sending run: connects, and sends the standard input from device memory.
struct Sender {
  let configuration: Configuration.Send

  /// Runs to the end.
  ///
  /// - Returns: The signal that stopped the run, if one did.
  func run() throws(Failure) -> CInt? {
    let stop = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
    do throws(Failure) {
      try send(orStoppedBy: stop)
      return nil
    } catch {
      guard error.errno == .interrupted, let signal = stop.take() else { throw error }
      return signal
    }
  }

  private func send(orStoppedBy stop: borrowing StopSignals) throws(Failure) {
    let interface = try Interface(named: configuration.interface)
    Diagnostics.print("using ifindex=\(interface.index)")
    var memory = try configuration.allocateMemory()
    let binding = try Netdev().bindTransmit(
      interface: interface.index, named: interface.subject, to: memory.descriptor)
    Diagnostics.print("got tx dmabuf id=\(binding.id)")

    let connection = try connect(orStoppedBy: stop)
    var loop = SendLoop(
      binding: binding.id, chunkSize: configuration.chunkSize,
      patience: configuration.timeout.map(\.wholeSeconds), orStoppedBy: stop.rawDescriptor)
    let start = Instant.now
    let cpu = CPUTime.now
    let result: Result<Void, Failure>
    do throws(Failure) {
      var input = InputSource(from: STDIN_FILENO, orStoppedBy: stop.rawDescriptor)
      try loop.run(from: &input, through: &memory, to: connection)
      try attempt("end the stream") { () throws(Errno) in try connection.finishSending() }
      try loop.drain(from: connection)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    let summary = SendSummary(
      statistics: loop.statistics, seconds: Instant.now.seconds(since: start),
      cpu: CPUTime.now.since(cpu))
    Diagnostics.print(summary.text)
    if configuration.output.reportsJSON { print(summary.json) }
    try result.get()
  }

  private func connect(
    orStoppedBy stop: borrowing StopSignals
  ) throws(Failure) -> Connection {
    let port = configuration.port
    let peer = try SocketAddress(using: configuration.address, port: port)
    var source: SocketAddress?
    if let address = configuration.source {
      source = try SocketAddress(using: address, port: port)
    }
    return try Connection(
      to: peer, from: source, through: configuration.interface,
      until: configuration.timeout.deadline, orStoppedBy: stop.rawDescriptor)
  }
}
