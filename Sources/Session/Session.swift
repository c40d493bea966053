// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Options

/// Does what a command line asks for.
///
/// - Returns: The exit status: 0, 128 and the number of the signal that stopped the run, or what a
///   look at an interface came to.
package func run(_ configuration: Configuration) throws(Failure) -> Int32 {
  var signal: CInt?
  switch configuration {
  case .help: print(Usage.help)
  case .version: print(Usage.version)
  case .probe(let probe): try Probe(configuration: probe).run()
  case .check(let check): return try Check(configuration: check).run()
  case .receive(let receive):
    if let measurement = receive.measurement {
      signal = try FlowReceiver(configuration: receive, measurement: measurement).run()
    } else {
      signal = try Receiver(configuration: receive).run()
    }
  case .restore(let restore): try Restorer(configuration: restore).run()
  case .send(let send):
    if let measurement = send.measurement {
      signal = try FlowSender(configuration: send, measurement: measurement).run()
    } else {
      signal = try Sender(configuration: send).run()
    }
  }
  return signal.map { 128 + $0 } ?? 0
}
