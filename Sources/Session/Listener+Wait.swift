// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Sockets
internal import Throughput

extension Listener {
  /// Waits for a connection and takes it.
  ///
  /// - Parameter control: A conversation whose end ends the wait as well.
  /// - Throws: A `Failure` with `EINTR` after a stop signal, with `ETIMEDOUT` if none comes.
  func next(
    within timeout: Duration?, orStoppedBy stop: CInt,
    orEndOf control: ControlChannel? = nil
  ) throws(Failure) -> Connection {
    let deadline = timeout.deadline
    var set = PollSet([stop, rawDescriptor] + (control.map { [$0.rawDescriptor] } ?? []))
    while true {
      let isReady = try attempt("wait for a connection") { () throws(Errno) in
        try set.wait(until: deadline)
      }
      guard isReady else {
        throw Failure(
          "wait for a connection", errno: .timedOut,
          reason: "none in \(timeout?.wholeSeconds ?? 0) s (--timeout)")
      }
      if set.isReady(0) { throw Failure("wait for a connection", errno: .interrupted) }
      if let control, set.isReady(2) {
        guard !control.isOver else {
          throw Failure(
            "wait for a connection", errno: .connectionReset,
            reason: "the sender closed the control connection",
            hint: "it tells why on its own standard error")
        }
        // What it says is for later.
        set.remove(2)
      }
      guard set.isReady(1) else { continue }
      do throws(Errno) {
        let connection = try accept()
        Diagnostics.print("Got connection from \(connection.peer?.description ?? "nowhere")")
        return connection
      } catch {
        // The peer gave up between the wait and the call.
        guard error == .tryAgain || error == .connectionAborted else {
          throw Failure("accept a connection", errno: error)
        }
      }
    }
  }
}
