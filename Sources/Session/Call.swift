// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Measurement
internal import Sockets

/// What the connections that a run makes have in common.
struct Call {
  /// The name of the interface that they leave by.
  let interface: String
  /// Where they go.
  let address: IPAddress
  /// Where they come from; the kernel's choice if `nil`.
  let source: IPAddress?
  /// How long each may take; `nil` for no limit.
  let timeout: Duration?

  /// Connects to a port.
  ///
  /// - Parameters:
  ///   - fromPort: The port of this end, with the source address if there is one; the kernel's
  ///     choice if 0.
  ///   - interface: The interface's index.
  func connect(
    to port: UInt16, fromPort: UInt16 = 0, through interface: UInt32,
    as settings: TCPSettings = TCPSettings(), _ wait: Wait
  ) throws(Failure) -> Connection {
    var from: SocketAddress?
    if let source { from = try SocketAddress(source, port: fromPort) }
    wait.progress?.note("connecting to \(address), port \(port)")
    do throws(Failure) {
      return try Connection(
        to: try SocketAddress(address, port: port), from: from, through: interface, as: settings,
        wait.limited(to: timeout))
    } catch {
      throw Stacking(of: self.interface).explain(connect: error, to: address, from: source)
    }
  }

  /// Calls the other end of a measurement at its control port, and agrees with it.
  func pair(
    at port: UInt16, through interface: UInt32, on agreement: Agreement, _ wait: Wait
  ) throws(Failure) -> CallerPairing {
    let connection = try connect(to: port, through: interface, wait)
    return try CallerPairing(
      over: ControlChannel(over: connection, timeout: timeout, wait), on: agreement)
  }
}
