// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
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
    var memory = try configuration.memory.allocate(announcedFor: configuration.interface)
    try memory.checkWritable()
    let binding = try Netdev().bindTransmit(
      interface: interface.index, named: interface.subject, to: memory.descriptor)
    Announcement.transmitBinding(binding.id).print()

    let connection = try configuration.connect(
      to: configuration.port, fromPort: configuration.port, wait)
    var loop = SendLoop(
      binding: binding.id, chunkSize: configuration.chunkSize, timeout: configuration.timeout)
    let (start, cpu) = (Instant.now, CPUTime.now)
    let result = Result { () throws(Failure) in
      var input = InputSource(from: .standardInput, wait)
      try loop.run(from: &input, through: &memory, to: connection, wait)
      try loop.finish(to: connection, wait)
    }
    let summary = SendSummary(
      statistics: loop.statistics, duration: Instant.now.since(start), cpu: CPUTime.now.since(cpu))
    Diagnostics.print(summary.text)
    document.report(summary.figures.adding(configuration.memory.kind, memory))
    try result.get()
  }
}

extension Configuration.Send {
  /// Connects to a port of the receiver.
  ///
  /// - Parameter fromPort: The port of this end, with the source address if the command line names
  ///   one; the kernel's choice if 0.
  func connect(
    to port: UInt16, fromPort: UInt16, _ wait: Wait
  ) throws(Failure) -> Connection {
    var from: SocketAddress?
    if let source { from = try SocketAddress(source, port: fromPort) }
    return try Connection(
      to: try SocketAddress(address, port: port), from: from, through: interface,
      wait.limited(to: timeout))
  }
}
