// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Measurement
internal import NIC
internal import Netdev
internal import Options
internal import Recovery
internal import Sockets
internal import Transfer

/// One receiving measurement: agrees with the other end if they are paired, sets the NIC up, receives
/// several flows at once, and puts the NIC back. If the two agree on both directions, it sends as many
/// flows meanwhile.
struct MeasuringReceiver {
  let configuration: Configuration.Receive
  let options: MeasurementOptions

  /// Runs to the end.
  ///
  /// - Throws: What failed, or why the flows are not what was asked for.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) {
    let interface = try Interface(announcing: configuration.target.interface)
    let netdev = try Netdev()
    let watch = try InterfaceWatch(of: interface, to: "receive on")
    let watched = wait.watching(watch)
    let pairing = try pair(through: interface.index, watched)
    let sending = pairing.flatMap { configuration.sending(agreedBy: $0) }
    if let sending, let caller = pairing as? ListenerPairing, !caller.agreement.isMutual {
      document.role = MeasurementRole.send.rawValue
      return try MeasuringSender(configuration: sending, options: options)
        .run(for: caller, wait, into: &document)
    }
    let carrier = Carrier(of: interface)
    defer { document.report(carrier, of: configuration.target.interface) }
    try withGuardedTransaction(
      on: interface, with: carrier, wait, isGuarded: configuration.configuresNIC
    ) { transaction, carrier throws(Failure) in
      let report: any ConcludingReport
      do throws(Failure) {
        var flows = try ReceivingDirection(
          configuration, options, agreedBy: pairing, through: netdev, in: &transaction, carrier,
          watched, watch)
        defer { document.carrierChangesInTransfer = flows.carrierChanges }
        if let pairing, let sending {
          document.role = MutualReport.role
          report = try measure(
            &flows, and: sending, agreedBy: pairing, in: &transaction, watched, watch,
            into: &document)
        } else {
          report = try measure(
            &flows, agreedBy: pairing, in: &transaction, watched, into: &document)
        }
      } catch {
        (pairing as? ListenerPairing)?.refuse()
        throw watch.explain(error)
      }
      try report.conclude(in: &document)
    }
  }

  /// Agrees with the other end, if there is a control port: waits for one that calls, or calls it.
  private func pair(
    through interface: UInt32, _ wait: Wait
  ) throws(Failure) -> (any Pairing)? {
    guard let port = options.controlPort else { return nil }
    if let request = configuration.request {
      let agreement = Agreement(
        request.load, options,
        reversed: Agreement.Reverse(request.load, chunkSize: request.chunkSize),
        isMutual: request.isMutual)
      return try configuration.call.pair(at: port, through: interface, on: agreement, wait)
    }
    let address = try SocketAddress(configuration.address, port: port)
    let control = try ControlPort(on: address)
    let waiting = Announcement.waitingForSender(address)
    waiting.print()
    wait.progress?.note(waiting.text)
    // The set-up is yet to come, and takes what the run has.
    return try Capabilities.withoutEffect { () throws(Failure) in
      let (channel, offer) = try control.waitForOffer(
        wait, for: configuration.timeout, from: configuration.admission)
      Announcement.connection(from: channel.peer).print()
      return try ListenerPairing(
        over: channel, on: offer, as: options, checking: configuration.checks.pattern)
    }
  }

  /// Receives flows from their connections to their end.
  private func measure(
    _ flows: inout ReceivingDirection, agreedBy pairing: (any Pairing)?,
    in transaction: inout Transaction, _ wait: Wait, into document: inout Document
  ) throws(Failure) -> MeasurementReport {
    configuration.enterLeastPrivilege()
    try (pairing as? ListenerPairing)?.ready()
    try flows.connect(in: &transaction, wait)
    try (pairing as? CallerPairing)?.ready()
    document.begin(with: flows.setting.figures, as: MeasurementReport.schema)
    let recording = try flows.record(to: document.stream)
    wait.progress?.note([(flows.progress, flows.counters)])
    return try Capabilities.withoutEffect { () throws(Failure) in
      let measured = try WorkerGroup().run([recording.track], for: flows.limit, wait)
      return flows.report(measured[0], of: recording)
    }
  }

  /// Receives flows, and sends as many to the end that they come from.
  private func measure(
    _ incoming: inout ReceivingDirection, and sending: Configuration.Send,
    agreedBy pairing: any Pairing, in transaction: inout Transaction, _ wait: Wait,
    _ watch: InterfaceWatch, into document: inout Document
  ) throws(Failure) -> MutualReport {
    var outgoing = try SendingDirection(
      sending, options, as: pairing.agreement, on: transaction.interface, watch)
    if let caller = pairing as? ListenerPairing {
      // What this end sends has a port of its own: no rule of either NIC takes its acknowledgements
      // for flows to the memory.
      let listener = try Listener(
        on: try SocketAddress(configuration.address, port: 0), backlog: pairing.agreement.flows,
        as: configuration.tcp)
      try caller.ready(at: try listener.port)
      try incoming.connect(in: &transaction, wait)
      try outgoing.accept(from: listener, caller, wait)
      configuration.enterLeastPrivilege()
      try caller.waitForCaller()
    } else {
      try incoming.connect(in: &transaction, wait)
      try outgoing.connect(wait)
      configuration.enterLeastPrivilege()
      try (pairing as? CallerPairing)?.ready()
    }
    document.begin(
      with: MutualReport.figures(incoming.setting.figures, outgoing.setting.figures),
      as: MutualReport.schema)
    let (received, sent) = (
      try incoming.record(to: document.stream), outgoing.record(to: document.stream)
    )
    wait.progress?.note(
      [(outgoing.progress, outgoing.counters), (incoming.progress, incoming.counters)])
    return try Capabilities.withoutEffect { () throws(Failure) in
      let measured = try WorkerGroup().run([received.track, sent], for: incoming.limit, wait)
      // Both ends exchange the figures of what the caller sends first.
      if pairing is ListenerPairing {
        let report = incoming.report(measured[0], of: received)
        return MutualReport(
          receiving: report, sending: outgoing.report(measured[1], of: sent, agreedBy: pairing))
      }
      let report = outgoing.report(measured[1], of: sent, agreedBy: pairing)
      return MutualReport(receiving: incoming.report(measured[0], of: received), sending: report)
    }
  }
}

extension Listener {
  /// The port that the kernel chose.
  fileprivate var port: UInt16 {
    get throws(Failure) {
      let address = try attempt("ask for the port of a listener") { () throws(Errno) in
        try localAddress()
      }
      guard let address else { throw Failure("ask for the port of a listener") }
      return address.port
    }
  }
}

extension Configuration.Receive {
  /// How to send what was agreed on; `nil` where this end only receives.
  fileprivate func sending(agreedBy pairing: any Pairing) -> Configuration.Send? {
    guard let reverse = pairing.agreement.reverse,
      request == nil || pairing.agreement.isMutual
    else { return nil }
    var send = Configuration.Send(
      interface: target.interface,
      address: request == nil ? pairing.channel.peer?.address ?? address : address, port: port)
    send.source = request == nil ? address : peer
    send.chunkSize = reverse.chunkSize
    send.memory = target.memory
    send.tcp = tcp
    send.load = pairing.agreement.load
    send.send(by: target.engine)
    send.timeout = timeout
    send.output = output
    return send
  }
}
