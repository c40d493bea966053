// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Options
internal import Payload
internal import Sockets

extension ThroughputReport {
  /// Adds what a sending measurement was made with.
  ///
  /// - Parameter memorySize: Of the device memory, in bytes; `nil` if there is none.
  mutating func describe(
    _ configuration: Configuration.Send, on driver: String, memorySize: Int?
  ) {
    let load = configuration.load
    self.configuration.add("interface", configuration.interface)
    self.configuration.add("driver", driver)
    self.configuration.add("ip_version", configuration.address.family == .v4 ? 4 : 6)
    self.configuration.add("sends_from", load.usesHostMemory ? "host memory" : "device memory")
    self.configuration.add("memory_bytes", memorySize)
    self.configuration.add("pattern_period", load.pattern.period)
    self.configuration.add("chunk_bytes", configuration.chunkSize)
    self.configuration.add("rate_bits_per_second", load.bitsPerSecond)
  }

  /// Adds what each flow came to.
  mutating func add(_ flows: [OutgoingFlow]) throws(Failure) {
    guard let whole else { return }
    for flow in flows {
      let information = try attempt("ask for the course of flow", on: "\(flow.index)") {
        () throws(Errno) in
        try flow.destination.connection.information()
      }
      let statistics = flow.statistics
      var object = JSONObject()
      object.add("flow", flow.index)
      object.add("sender_port", Int(flow.port))
      object.add("worker", flow.index)
      object.add("retransmits", information.retransmits)
      object.add("rtt_microseconds", information.roundTripMicroseconds)
      object.add("completions", statistics.completions)
      object.add("copied_sends", statistics.copied)
      object.add("waits_for_notices", statistics.backoffs)
      add(flow.figures, over: whole.seconds, tokens: 0, to: &object)
      self.flows.append(object)
      lines.append(
        """
        flow \(flow.index): from port \(flow.port), \(information.retransmits) retransmits, \
        rtt \(Self.milliseconds(information.roundTripMicroseconds)) ms
        """)
    }
  }
}
