// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Netdev
internal import Options
internal import Payload
internal import Sockets

extension ThroughputReport {
  /// Adds what a receiving measurement was made with.
  mutating func describe(
    _ configuration: Configuration.Receive, on driver: String, queues: Range<UInt32>,
    memorySize: Int, tokenMode: TokenMode
  ) {
    self.configuration.add("interface", configuration.target.interface)
    self.configuration.add("driver", driver)
    self.configuration.add("ip_version", configuration.address.family == .v4 ? 4 : 6)
    self.configuration.add("rx_queues", queues.map { Int($0) })
    self.configuration.add("memory_bytes", memorySize)
    self.configuration.add(
      "rx_page_size_bytes", configuration.target.binding.rxPageSize.map { Int($0) })
    self.configuration.add("token_mode", tokenMode == .automatic ? "automatic" : "manual")
    self.configuration.add("checked_pattern_period", configuration.checks.pattern?.period)
    self.configuration.add("checked_every_fragments", configuration.checks.interval)
    self.configuration.add(
      "busy_poll_microseconds", configuration.busyPoll.map { Int($0.nanoseconds / 1000) })
  }

  /// Adds how the flows got to the queues.
  mutating func note(_ steering: FlowSteering) {
    configuration.add("steering", steering.means.rawValue)
  }

  /// Adds what each flow came to.
  ///
  /// - Parameter queues: The RX queues, to find those that flows came through.
  mutating func add(
    _ flows: [IncomingFlow], of workers: [ReceiveWorker], queues: [QueueState]
  ) throws(Failure) {
    guard let whole else { return }
    for flow in flows {
      let (information, napi) = try attempt("ask for the course of flow", on: "\(flow.index)") {
        () throws(Errno) in
        (try flow.connection.information(), try flow.connection.incomingNAPI())
      }
      let queue = queues.first { $0.napi != nil && $0.napi == napi }?.index
      let peer = flow.connection.peer
      var object = JSONObject()
      object.add("flow", flow.index)
      object.add("sender_port", peer.map { Int($0.port) })
      object.add("worker", workers.firstIndex { $0.flowIndices.contains(flow.index) })
      object.add("rx_queue", queue.map { Int($0) })
      object.add("softirq_cpu", flow.incomingCPU)
      object.add("retransmits", information.retransmits)
      object.add("rtt_microseconds", information.roundTripMicroseconds)
      let figures = flow.figures
      add(figures, over: whole.seconds, tokens: figures.tokensOutstanding, to: &object)
      self.flows.append(object)
      lines.append(
        """
        flow \(flow.index): from \(peer?.description ?? "nowhere")\
        \(queue.map { ", queue \($0)" } ?? "")\
        \(flow.incomingCPU.map { ", packets on CPU \($0)" } ?? ""), \
        \(information.retransmits) retransmits, \
        rtt \(Self.milliseconds(information.roundTripMicroseconds)) ms\
        \(figures.wrongBytes > 0 ? ", \(figures.wrongBytes) bytes wrong" : "")
        """)
    }
  }

  /// Adds what the driver counted for the bound queues meanwhile.
  mutating func add(
    before: [UInt32: QueueStatistics], after: [UInt32: QueueStatistics], of queues: Range<UInt32>
  ) {
    for queue in queues {
      var counted = QueueStatistics()
      if let first = before[queue], let last = after[queue] { counted = last.since(first) }
      var object = JSONObject()
      object.add("queue", Int(queue))
      object.add("packets", counted.packets.map { Int(clamping: $0) })
      object.add("bytes", counted.bytes.map { Int(clamping: $0) })
      object.add("drops", counted.drops.map { Int(clamping: $0) })
      object.add("allocation_failures", counted.allocationFailures.map { Int(clamping: $0) })
      self.queues.append(object)
      func text(_ count: UInt64?) -> String { count.map(String.init) ?? "not given" }
      lines.append(
        """
        queue \(queue): packets \(text(counted.packets)), drops \(text(counted.drops)), \
        allocation failures \(text(counted.allocationFailures))
        """)
    }
  }
}
