// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Options

/// Does what a command line asks for.
///
/// - Returns: The exit status: 0, 128 and the number of the signal that stopped the run, or the
///   conclusion of a check.
/// - Throws: What failed; its kind determines the exit status.
package func run(_ configuration: Configuration) throws(Failure) -> Int32 {
  switch try configuration.namingInterface() {
  case .help:
    print(Usage.help)
  case .version:
    print(Usage.version)
  case .probe(let probe):
    try Probe(configuration: probe).run()
  case .check(let check):
    return try Check(configuration: check).run()
  case .restore(let restore):
    try Restorer(configuration: restore).run()
  case .receive(let receive):
    return try untilStopped { wait throws(Failure) in
      if let options = receive.measurement {
        try MeasuringReceiver(configuration: receive, options: options).run(wait)
      } else {
        try Receiver(configuration: receive).run(wait)
      }
    }
  case .send(let send):
    return try untilStopped { wait throws(Failure) in
      if let options = send.measurement {
        try MeasuringSender(configuration: send, options: options).run(wait)
      } else {
        try Sender(configuration: send).run(wait)
      }
    }
  }
  return 0
}

/// Runs something that SIGINT, SIGTERM and SIGHUP end in order.
///
/// - Returns: The exit status: 0, or 128 and the number of the signal that stopped it.
/// - Throws: What `body` throws, unless a signal stopped it.
private func untilStopped(_ body: (Wait) throws(Failure) -> Void) throws(Failure) -> Int32 {
  let signals = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
  do throws(Failure) {
    try body(Wait(orStoppedBy: signals.descriptor))
    return 0
  } catch {
    guard error.kind == .stopped, let signal = signals.take() else { throw error }
    return error.exitStatus(signal: signal)
  }
}
