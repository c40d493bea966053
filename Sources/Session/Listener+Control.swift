// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Measurement
internal import Sockets

extension Listener {
  /// Listens for the connections of a run, and prints where.
  ///
  /// - Parameters:
  ///   - backlog: How many connections may wait to be taken.
  ///   - time: How long a receive polls the NIC's queue for packets; the system's choice if `nil`.
  init(
    announcing address: SocketAddress, backlog: Int, as settings: TCPSettings,
    pollingFor time: Duration? = nil
  ) throws(Failure) {
    Announcement.address(address).print()
    let listener = try Listener(on: address, backlog: backlog, as: settings)
    try listener.pollBusily(for: time)
    Announcement.waiting(address).print()
    self = listener
  }

  /// Waits for the next connection of a run, and prints where it comes from.
  ///
  /// - Parameters:
  ///   - admission: Whose connections to take, where there is no `channel`.
  ///   - channel: The control connection. Only its peer may connect, and its end ends the wait.
  func next(
    _ wait: Wait, for timeout: Duration?, from admission: Admission,
    orEndOf channel: ControlChannel?
  ) throws(Failure) -> Connection {
    let admission =
      channel.map {
        Admission(only: $0.peer?.address, because: "the control connection came from there")
      } ?? admission
    let connection = try next(
      wait, for: timeout, from: admission, watching: channel?.descriptor
    ) { () throws(Failure) in
      guard channel?.isOver == true else { return }
      throw Failure(
        "wait for a connection", errno: .connectionReset,
        reason: "the peer closed the control connection", hint: ControlChannel.hint)
    }
    Announcement.connection(from: connection.peer).print()
    return connection
  }
}
