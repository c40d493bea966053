// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Measurement
internal import NIC
internal import Netdev
internal import Options
internal import Sockets

/// One sending measurement: agrees with the receiver if they are paired, and sends a pattern over
/// several connections at once, each on a thread of its own.
struct MeasuringSender {
  let configuration: Configuration.Send
  let options: MeasurementOptions

  /// Runs to the end.
  ///
  /// - Throws: What failed, or what the receiver found wrong.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) {
    let agreement = Agreement(configuration.load, options)
    let interface = try Interface(announcing: configuration.interface)
    let watch = try InterfaceWatch(of: interface, to: "send on")
    try watch.explaining { () throws(Failure) in
      let wait = wait.watching(watch)
      var flows = try SendingDirection(configuration, options, as: agreement, on: interface, watch)
      var pairing: CallerPairing?
      if let port = options.controlPort {
        pairing = try configuration.call.pair(
          at: port, through: interface.index, on: agreement, wait)
      }
      try flows.connect(wait)
      LeastPrivilege.enter(keeping: [])
      try measure(flows, agreedBy: pairing, wait, into: &document)
    }
  }

  /// Sends to a caller that asks for it (`--reverse`), to the end.
  ///
  /// - Throws: What failed, or what the receiver found wrong.
  func run(
    for caller: ListenerPairing, _ wait: Wait, into document: inout Document
  ) throws(Failure) {
    do throws(Failure) {
      let interface = try Interface(announcing: configuration.interface)
      let watch = try InterfaceWatch(of: interface, to: "send on")
      try watch.explaining { () throws(Failure) in
        let wait = wait.watching(watch)
        var flows = try SendingDirection(
          configuration, options, as: caller.agreement, on: interface, watch)
        let address = try SocketAddress(
          configuration.source ?? configuration.address, port: configuration.port)
        let listener = try Listener(
          announcing: address, backlog: caller.agreement.flows, as: configuration.tcp)
        try caller.ready()
        try flows.accept(from: listener, caller, wait)
        LeastPrivilege.enter(keeping: [])
        try caller.waitForCaller()
        try measure(flows, agreedBy: caller, wait, into: &document)
      }
    } catch {
      caller.refuse()
      throw error
    }
  }

  private func measure(
    _ flows: borrowing SendingDirection, agreedBy pairing: (any Pairing)?, _ wait: Wait,
    into document: inout Document
  ) throws(Failure) {
    document.begin(with: flows.setting.figures, as: MeasurementReport.schema)
    let track = flows.record(to: document.stream)
    wait.progress?.note([(flows.progress, flows.counters)])
    // The flows themselves end after the duration.
    let measured = try WorkerGroup().run([track], for: nil, wait)
    try flows.report(measured[0], of: track, agreedBy: pairing).conclude(in: &document)
  }
}
