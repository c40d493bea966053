// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Measurement
internal import Payload
internal import Sockets
internal import Transfer

/// What the words say, option by option, before it is checked as a whole.
struct Draft {
  // Which run is meant.
  var listens = false
  var reverses = false
  var sendsBothWays = false
  var checks = false
  var probes = false
  var restores = false
  var forces = false
  var format: Configuration.Check.Format?

  // Which interfaces are meant.
  var interfaces: [String] = []
  var takesAll = false

  // What a run requires, or what several options make up.
  var server: Host?
  var port: UInt16?
  var client: Host?
  var firstQueue: UInt32?
  var queueCount: UInt32?

  // The parts of the configuration, as their consumers take them. The interface has no name (with
  // several it never gets one), and either end no address and port, until `configuration` sets them.
  var target = Configuration.Target(interface: "")
  var receive = Configuration.Receive(.init(interface: ""), address: Self.nowhere, port: 0)
  var send = Configuration.Send(interface: "", address: Self.nowhere, port: 0)
  var measurement = MeasurementOptions()
  var measuresLatency = false
  var (requestSize, responseSize) = (Exchange.defaultSize, Exchange.defaultSize)
  var tcp = TCPSettings()
  var timeout: Duration? = Configuration.defaultTimeout
  var output = Configuration.Output()
  /// Taken note of by `Invocation`, whatever run it is.
  var isQuiet = false

  /// The options that were given, in order.
  private var given: [GivenOption] = []

  private static let nowhere = IPAddress(octets: [0, 0, 0, 0])

  /// Stores the value of an option; if the option is given again, the last value counts.
  mutating func add(_ given: GivenOption) throws(Failure) {
    let value = given.value ?? ""
    do throws(InvalidValue) {
      try given.option.store(&self, value)
    } catch {
      throw .usage("\(given.typed) \(String(reflecting: value))", error.reason)
    }
    self.given.append(given)
  }

  /// The configuration that the words ask for.
  func configuration(_ lookUp: Configuration.Lookup) throws(Failure) -> Configuration {
    if restores {
      try check(for: .restore)
      return .restore(
        Configuration.Restore(interface: try onlyInterface(), isForced: forces))
    }
    guard takesAll || !interfaces.isEmpty else { throw .missing("-f IFACE") }
    var target = target
    target.queues = try queues()
    if target.engine == .zcrx, !isGiven(\.target.memory.kind) { target.memory.kind = .host(nil) }

    if checks {
      try check(for: .check)
      try checkEngine()
      let several = try severalInterfaces()
      target.interface = several == nil ? interfaces[0] : ""
      return .check(
        Configuration.Check(target, several: several, probes: probes, format: try checkFormat()))
    }
    guard let server else {
      if listens { throw .usage(typed(\.listens), "needs -s ADDR") }
      if client != nil { throw .usage(typed(\.client), "needs -s ADDR") }
      try check(for: .probe)
      let several = try severalInterfaces()
      target.interface = several == nil ? interfaces[0] : ""
      return .probe(Configuration.Probe(target, several: several))
    }
    try checkRequest()
    try check(for: transferMode)
    try checkEngine()
    target.interface = try onlyInterface() ?? ""
    guard let port else { throw .missing("-p PORT") }
    let measurement = try measurement(on: port)
    if listens || requests { try checkReceive() }
    // Last: it may take long.
    let address = try server.address(client?.family, lookUp)
    let peer = try client?.address(address.family, lookUp)
    if let peer, peer.family != address.family {
      throw .usage("\(typed(\.client)) \(peer)", "not of the same family as \(address)")
    }
    return listens || requests
      ? .receive(receive(on: target, at: address, port, from: peer, measuring: measurement))
      : .send(send(from: target, to: address, port, by: peer, measuring: measurement))
  }

  /// The names that were given, each once.
  private var distinctInterfaces: [String] {
    interfaces.reduce(into: []) { names, name in
      if !names.contains(name) { names.append(name) }
    }
  }

  /// The interface that the options name; `nil` if none.
  ///
  /// - Throws: A usage failure where they name several. The C tool takes the last one, but here the
  ///   probe takes each: a run that silently left one out would not do what it seems to.
  private func onlyInterface() throws(Failure) -> String? {
    let names = distinctInterfaces
    guard names.count < 2 else {
      let others = names.dropLast().joined(separator: ", ")
      throw .usage(
        "\(typed(\.interfaces)) \(names[names.count - 1])",
        "given after \(others): only a probe and a check (--check) take several interfaces")
    }
    return names.first
  }

  /// The interfaces that the options name, or all; `nil` if they name one.
  private func severalInterfaces() throws(Failure) -> Configuration.Several? {
    let names = distinctInterfaces
    guard takesAll else { return names.count > 1 ? .named(names) : nil }
    guard names.isEmpty else { throw .usage(typed(\.takesAll), "either it or -f, not both") }
    return .all
  }

  private func checkFormat() throws(Failure) -> Configuration.Check.Format {
    guard output.reportsJSON else { return format ?? .text }
    if let format, format != .json {
      throw .usage("\(typed(\.format)) \(format)", "either it or --json, not both")
    }
    return .json
  }

  private var transferMode: Option.Modes {
    if listens { return isMeasuring ? .receiveFlows : .receiveStream }
    if requests { return .request }
    return isMeasuring ? .sendFlows : .sendInput
  }

  private var isMeasuring: Bool {
    measurement.flows != nil || (listens && measurement.controlPort != nil)
  }

  /// Whether the run connects, and asks the end that listens to send.
  private var requests: Bool { reverses || sendsBothWays }

  private func checkRequest() throws(Failure) {
    guard requests else { return }
    let typed = typed(sendsBothWays ? \.sendsBothWays : \.reverses)
    if reverses, sendsBothWays { throw .usage(typed, "either it or --reverse, not both") }
    if listens { throw .usage(typed, "the end that connects asks for it, not -l") }
    if measurement.flows == nil { throw .usage(typed, "needs --flows N") }
    if measurement.controlPort == nil { throw .usage(typed, "needs --control PORT") }
    if reverses, isGiven(\.tcp.congestionControl) {
      throw .usage(self.typed(\.tcp.congestionControl), "means nothing when receiving")
    }
    if let pattern = receive.checks.pattern, isGiven(\.send.load.pattern),
      pattern != send.load.pattern
    {
      throw .usage(
        "\(self.typed(\.send.load.pattern)) \(send.load.pattern.period)",
        "-v expects pattern \(pattern.period)")
    }
  }

  private func checkReceive() throws(Failure) {
    if isGiven(\.receive.checks.interval), receive.checks.pattern == nil {
      throw .usage(typed(\.receive.checks.interval), "needs -v N")
    }
    if receive.checks.allowsPlain, receive.checks.failsOnLinear {
      throw .usage(typed(\.receive.checks.allowsPlain), "either it or -L, not both")
    }
  }

  private func receive(
    on target: Configuration.Target, at address: IPAddress, _ port: UInt16, from peer: IPAddress?,
    measuring measurement: MeasurementOptions?
  ) -> Configuration.Receive {
    var receive = receive
    receive.target = target
    if target.engine.isSocket, target.queues == nil { receive.configuresNIC = false }
    receive.address = address.scoped(to: target.interface)
    receive.port = port
    receive.peer = peer?.scoped(to: target.interface)
    receive.tcp = tcp
    receive.measurement = measurement
    receive.timeout = timeout
    receive.output = output
    if requests {
      receive.request = Configuration.Request(
        send.load, chunkSize: send.chunkSize, isMutual: sendsBothWays)
      if let pattern = receive.checks.pattern { receive.request?.load.pattern = pattern }
    }
    return receive
  }

  private func send(
    from target: Configuration.Target, to address: IPAddress, _ port: UInt16, by source: IPAddress?,
    measuring measurement: MeasurementOptions?
  ) -> Configuration.Send {
    var send = send
    send.interface = target.interface
    send.address = address.scoped(to: target.interface)
    send.port = port
    send.source = source?.scoped(to: target.interface)
    send.tcp = tcp
    send.memory = target.memory
    send.send(by: target.engine)
    send.measurement = measurement
    send.timeout = timeout
    send.output = output
    return send
  }

  /// The measurement that the options ask for; `nil` where they ask for none.
  private func measurement(on port: UInt16) throws(Failure) -> MeasurementOptions? {
    guard isMeasuring else { return nil }
    var measurement = measurement
    if output.streamsJSON, output.reportsJSON {
      throw .usage(typed(\.output.streamsJSON), "either it or --json, not both")
    }
    if measurement.controlPort == port {
      throw .usage(
        "\(typed(\.measurement.controlPort)) \(port)", "must not be the port of the flows (-p)")
    }
    if let threads = measurement.threads, let flows = measurement.flows, threads > flows {
      throw .usage(
        "\(typed(\.measurement.threads)) \(threads)", "more threads than flows, \(flows)")
    }
    guard !listens else { return measurement }
    try checkLatency()
    if measuresLatency {
      measurement.exchange = Exchange(request: requestSize, response: responseSize)
    }
    switch (measurement.duration, send.load.bytesPerFlow) {
    case (nil, nil): measurement.duration = Load.defaultDuration
    case (.some, .some):
      throw .usage(
        typed(\.send.load.bytesPerFlow), "either it or --duration ends the flows, not both")
    default: break
    }
    return measurement
  }

  private func checkLatency() throws(Failure) {
    guard measuresLatency else {
      for size in [\Draft.requestSize, \Draft.responseSize] where isGiven(size) {
        throw .usage(typed(size), "needs --latency")
      }
      return
    }
    let latency = typed(\.measuresLatency)
    if measurement.controlPort == nil { throw .usage(latency, "needs --control PORT") }
    if sendsBothWays { throw .usage(latency, "either it or --bidir, not both") }
    for member in [\Draft.send.load.bytesPerFlow as PartialKeyPath, \.send.load.bitsPerSecond]
    where isGiven(member) {
      throw .usage(typed(member), "means nothing with --latency")
    }
  }

  private func queues() throws(Failure) -> Range<UInt32>? {
    switch (firstQueue, queueCount) {
    case (nil, nil):
      return nil
    case (_, nil):
      throw .usage(typed(\.firstQueue), "needs -q N")
    case (nil, _):
      throw .usage(typed(\.queueCount), "needs -t N")
    case (let first?, let count?):
      let (end, overflows) = first.addingReportingOverflow(count)
      guard !overflows else {
        throw .usage("\(typed(\.queueCount)) \(count)", "too many from queue \(first) on")
      }
      return first..<end
    }
  }

  /// Refuses the last option that means nothing in a run.
  private func check(for run: Option.Modes) throws(Failure) {
    for given in given.reversed() {
      if let reason = given.option.modes.refusal(by: run) { throw .usage(given.typed, reason) }
    }
  }

  /// Refuses the last option that is another engine's. With `--reverse` and `--bidir`, what is only
  /// for sending is for the other end, which has an engine of its own.
  private func checkEngine() throws(Failure) {
    if target.engine == .zcrx, !listens, !requests, !checks {
      throw .usage("\(typed(\.target.engine)) \(target.engine.name)", "only receives")
    }
    if case .host = target.memory.kind, target.engine != .zcrx {
      throw .usage("\(typed(\.target.memory.kind)) host", "needs --engine zcrx")
    }
    for given in given.reversed() where !given.option.engines.contains(target.engine) {
      if requests, given.option.modes.isDisjoint(with: .receiveFlows) { continue }
      throw .usage(given.typed, "means nothing with --engine \(target.engine.name)")
    }
  }

  private func isGiven(_ member: PartialKeyPath<Draft>) -> Bool {
    given.contains { $0.option.sets(member) }
  }

  /// How the option of a member was written the last time.
  ///
  /// - Precondition: it was given.
  private func typed(_ member: PartialKeyPath<Draft>) -> String {
    given.last { $0.option.sets(member) }!.typed
  }
}

extension Failure {
  /// An option that every run of the kind needs is missing.
  fileprivate static func missing(_ words: String) -> Failure { .usage(words, "required") }
}

extension IPAddress {
  /// The address itself, or with the interface for its scope if it is link-local and has none.
  fileprivate func scoped(to interface: String) -> IPAddress {
    var address = self
    if isLinkLocal && scope == nil { address.scope = interface }
    return address
  }
}
