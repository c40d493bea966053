// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

extension Draft {
  /// What the options of a measurement come to; `nil` where there is none.
  func measurement(on port: UInt16) throws(Failure) -> Configuration.Measurement? {
    let isPaired = controlPort != nil
    guard flows != nil || (listens && isPaired) else {
      let needy = given.last { Option.measurement.contains($0.option.name.description) }
      if let needy { throw .usage(needy.typed, "it needs --flows N") }
      return nil
    }
    for name in ["unbind", "trace"] where given.contains(where: { $0.option.name == name }) {
      throw .usage(typed(name), "it means nothing with several flows")
    }
    if controlPort == port {
      throw .usage("\(typed("control")) \(port)", "it must not be the port of the flows (-p)")
    }
    if let threads, let flows, threads > flows {
      throw .usage("\(typed("threads")) \(threads)", "more than there are flows, \(flows)")
    }
    if duration != nil, bytesPerFlow != nil {
      throw .usage(typed("bytes"), "either it or --duration ends the flows, not both")
    }
    var measurement = Configuration.Measurement(flows: flows)
    measurement.threads = threads
    measurement.cpus = cpus
    measurement.duration = duration
    if !listens, duration == nil, bytesPerFlow == nil {
      measurement.duration = Configuration.Load.defaultDuration
    }
    if let interval { measurement.interval = interval }
    measurement.controlPort = controlPort
    return measurement
  }

  /// What the flows of a sending measurement send.
  var load: Configuration.Load {
    var load = Configuration.Load()
    load.bytesPerFlow = bytesPerFlow
    if let payloadPattern { load.pattern = payloadPattern }
    load.bitsPerSecond = bitsPerSecond
    load.usesHostMemory = usesHostMemory
    return load
  }
}

extension Option {
  /// The options that mean something only in a measurement.
  static let measurement: Set<String> = [
    "threads", "cpus", "duration", "interval", "control", "bytes", "pattern", "rate",
    "host-memory",
  ]
}

extension StaticString {
  fileprivate static func == (left: StaticString, right: String) -> Bool {
    left.description == right
  }
}
