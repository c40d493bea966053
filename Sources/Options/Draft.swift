// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload

/// What the words said, option by option, before it is known to make sense.
struct Draft {
  var listens = false
  var restores = false
  var server: IPAddress?
  var port: UInt16?
  var client: IPAddress?
  var timeout: Int?
  var interface: String?
  var firstQueue: UInt32?
  var queueCount: UInt32?
  var leavesNIC = false
  var memoryKind: MemoryKind?
  var memorySize: Int?
  var rxPageSize: UInt32?
  var autorelease: Bool?
  var autoreleaseAttribute: UInt16?
  var chunkSize: Int?
  var pattern: Pattern?
  var validationInterval: Int?
  var busyPoll: Int?
  var expectedByteCount: Int?
  var failsOnLinear = false
  var unbinding: Configuration.Unbinding?
  var checks = false
  var probes = false
  var reportsJSON = false
  var traces = false
  var flows: Int?
  var threads: Int?
  var cpus: CPUList?
  var duration: Int?
  var interval: Int?
  var controlPort: UInt16?
  var bytesPerFlow: Int?
  var payloadPattern: Pattern?
  var bitsPerSecond: Int?
  var usesHostMemory = false

  /// The options that were given, in order.
  private(set) var given: [GivenOption] = []

  /// Takes up what an option says; of an option given again, the last value counts.
  mutating func add(_ given: GivenOption) throws(Failure) {
    let value = given.value ?? ""
    do throws(InvalidValue) {
      try given.option.store(&self, value)
    } catch {
      throw .usage("\(given.typed) \(String(reflecting: value))", error.reason)
    }
    self.given.append(given)
  }

  /// What all that comes to.
  func configuration() throws(Failure) -> Configuration {
    if restores {
      try check(.restore, "with --restore")
      return .restore(Configuration.Restore(interface: interface))
    }
    guard let interface else { throw .missing("-f IFACE") }
    let target = try target(interface)

    if checks {
      try check(.check, "with --check")
      var check = Configuration.Check(target)
      check.probes = probes
      check.reportsJSON = reportsJSON
      return .check(check)
    }
    guard let server else {
      if let name = listens ? typed("listen") : client.map({ _ in typed("client") }) {
        throw .usage(name, "it needs -s ADDR")
      }
      try check(.probe, "without -s")
      var probe = Configuration.Probe(target)
      probe.reportsJSON = reportsJSON
      return .probe(probe)
    }
    try check(listens ? .receive : .send, listens ? "when receiving" : "when sending")
    guard let port else { throw .missing("-p PORT") }
    if let client, client.family != server.family {
      throw .usage("\(typed("client")) \(client)", "not of the same family as \(server)")
    }
    let measurement = try measurement(on: port)
    return listens
      ? .receive(try receive(target, server, port, measurement))
      : .send(send(target, server, port, measurement))
  }

  private func receive(
    _ target: Configuration.Target, _ address: IPAddress, _ port: UInt16,
    _ measurement: Configuration.Measurement?
  ) throws(Failure) -> Configuration.Receive {
    var receive = Configuration.Receive(
      target, address: address.scoped(to: target.interface), port: port)
    receive.peer = client?.scoped(to: target.interface)
    receive.pattern = pattern
    if let validationInterval {
      guard pattern != nil else { throw .usage(typed("validate-every"), "it needs -v N") }
      receive.validationInterval = validationInterval
    }
    receive.busyPoll = busyPoll
    receive.expectedByteCount = expectedByteCount
    receive.failsOnLinear = failsOnLinear
    if let unbinding { receive.unbinding = unbinding }
    receive.configuresNIC = !leavesNIC
    receive.measurement = measurement
    receive.transfer = transfer
    return receive
  }

  private func send(
    _ target: Configuration.Target, _ address: IPAddress, _ port: UInt16,
    _ measurement: Configuration.Measurement?
  ) -> Configuration.Send {
    var send = Configuration.Send(
      interface: target.interface, address: address.scoped(to: target.interface), port: port)
    send.source = client?.scoped(to: target.interface)
    send.chunkSize = chunkSize
    send.memory = target.memory
    send.measurement = measurement
    send.load = load
    send.transfer = transfer
    return send
  }

  private var transfer: Configuration.Transfer {
    var transfer = Configuration.Transfer()
    if let timeout { transfer.timeout = timeout == 0 ? nil : timeout }
    transfer.traces = traces
    transfer.reportsJSON = reportsJSON
    return transfer
  }

  private func target(_ interface: String) throws(Failure) -> Configuration.Target {
    var target = Configuration.Target(interface: interface)
    target.queues = try queues()
    target.rxPageSize = rxPageSize
    target.autorelease = autorelease
    target.autoreleaseAttribute = autoreleaseAttribute
    if let memoryKind { target.memory.kind = memoryKind }
    target.memory.byteCount = memorySize
    return target
  }

  private func queues() throws(Failure) -> Range<UInt32>? {
    switch (firstQueue, queueCount) {
    case (nil, nil):
      return nil
    case (_, nil):
      throw .usage(typed("first-queue"), "it needs -q N")
    case (nil, _):
      throw .usage(typed("queues"), "it needs -t N")
    case (let first?, let count?):
      let (end, overflows) = first.addingReportingOverflow(count)
      guard !overflows else {
        throw .usage("\(typed("queues")) \(count)", "too many from queue \(first) on")
      }
      return first..<end
    }
  }

  /// Refuses options that mean nothing in a mode.
  func check(_ mode: Option.Modes, _ circumstance: String) throws(Failure) {
    for given in given where !given.option.modes.contains(mode) {
      throw .usage(given.typed, "it means nothing \(circumstance)")
    }
  }

  /// How an option that was given was written the last time.
  func typed(_ name: String) -> String {
    given.last { $0.option.name.description == name }?.typed ?? "--" + name
  }
}

extension Failure {
  /// Words that cannot be followed.
  static func usage(_ words: String, _ reason: String) -> Failure {
    Failure("take", on: words, reason: reason, kind: .usage)
  }

  /// Words that are not there.
  static func missing(_ words: String) -> Failure {
    Failure("run", on: "without " + words, kind: .usage)
  }
}

extension IPAddress {
  /// The address itself, or with the interface for its scope if it is link-local and has none.
  fileprivate func scoped(to interface: String) -> IPAddress {
    var address = self
    if isLinkLocal && scope == nil { address.scope = interface }
    return address
  }
}
