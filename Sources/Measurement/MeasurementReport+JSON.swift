// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
package import Kernel
internal import Netdev
internal import Payload
internal import Sockets
internal import Transfer

extension MeasurementReport {
  /// The name of the form that a run's document has with `figures`.
  package static let schema = "ncdevmem-measurement-2"

  /// The members of the run's document, whose form `share/schema/measurement.json` describes.
  ///
  /// - Parameter hasIntervals: Whether to have the intervals among them.
  package func figures(hasIntervals: Bool = true) -> JSONObject {
    var document = setting.figures
    document.add("host", host.json)
    document.add("mean_idle_percent", percent(whole.meanIdleHundredths), decimals: 2)
    document.add("total", whole.total.json(over: whole.length, as: role))
    if let omitted {
      document.add("omitted", omitted.total.json(over: omitted.length, as: role))
    }
    document.add("latency", latencies.map { json(of: $0) })
    document.add("flows", flows.map(json(of:)))
    document.add("workers", workers.indices.map(json(ofWorker:)))
    document.add("queues", queues.map { Self.json(ofQueue: $0.queue, $0.statistics) })
    if hasIntervals {
      document.add("intervals", intervals.map { $0.json(as: role) })
      document.add("periods_per_interval", periodsPerInterval)
    }
    document.add("peer", peer?.json)
    return document
  }

  private func json(of flow: Flow) -> JSONObject {
    var object = JSONObject()
    object.add("flow", flow.index)
    switch flow.detail {
    case .received(_, let port, let queue, let cpu):
      object.add("caller_port", port.map { Int($0) })
      object.add("worker", workers.firstIndex { $0.flows.contains(flow.index) })
      object.add("rx_queue", queue.map { Int($0) })
      object.add("softirq_cpu", cpu)
      object.add("memory_written", flow.wroteMemory)
    case .sent(let port, _):
      object.add("caller_port", Int(port))
      object.add("worker", flow.index)
    }
    object.add("retransmits", flow.information.retransmits)
    object.add("rtt_microseconds", flow.information.roundTrip.inMicroseconds)
    object.add("segment_bytes", flow.information.segmentSize)
    if role == .receive { object.add("out_of_order_packets", flow.information.outOfOrderPackets) }
    if case .sent(_, let statistics) = flow.detail {
      object.add("congestion_control", flow.information.congestionControl)
      object.add("congestion_window_segments", flow.information.congestionWindow)
      object.add("reorderings", flow.information.reorderings)
      object.add("completions", statistics.completions)
      object.add("copied_sends", statistics.copied)
      object.add("waits_for_notices", statistics.backoffs)
    }
    object.add("latency", flow.latencies.map { json(of: $0, isWhole: false) })
    measured(flow).add(
      to: &object, over: whole.length, as: role, tokens: flow.figures.tokensOutstanding)
    return object
  }

  /// What exchanges took.
  ///
  /// - Parameter isWhole: Whether to have the distribution as well.
  private func json(of latencies: LatencyHistogram, isWhole: Bool = true) -> JSONObject {
    func add(_ time: Duration?, as name: String, to object: inout JSONObject) {
      object.add("\(name)_microseconds", time.map { $0.inSeconds * 1e6 }, decimals: 3)
    }
    var object = JSONObject()
    object.add("exchanges", latencies.count)
    add(latencies.minimum, as: "min", to: &object)
    add(latencies.mean, as: "mean", to: &object)
    for percentile in ReportedPercentile.all {
      add(latencies.value(atPercent: percentile.percent), as: percentile.word, to: &object)
    }
    add(latencies.maximum, as: "max", to: &object)
    guard isWhole else { return object }
    object.add(
      "distribution",
      latencies.distribution.map { point in
        var object = JSONObject()
        object.add("percent", point.percent, decimals: 6)
        add(point.value, as: "at_most", to: &object)
        object.add("exchanges", point.count)
        return object
      })
    return object
  }

  private func json(ofWorker number: Int) -> JSONObject {
    let worker = workers[number]
    var object = JSONObject()
    object.add("worker", number)
    object.add("flows", worker.flows)
    object.add("cpu", worker.cpu)
    object.add("stayed_on_cpu", worker.cpu.map { $0 == worker.lastCPU })
    object.add("cpu_idle_percent", percent(whole.idleHundredths[number]), decimals: 2)
    object.add("thread_cpu_seconds", worker.cpuTime.inSeconds, decimals: 6)
    object.add("thread_cpu_seconds_per_gib", cpuSecondsPerGiB(of: worker), decimals: 6)
    return object
  }

  private static func json(ofQueue queue: UInt32, _ counted: QueueStatistics) -> JSONObject {
    var object = JSONObject()
    object.add("queue", Int(queue))
    object.add("packets", counted.packets.map { Int(clamping: $0) })
    object.add("bytes", counted.bytes.map { Int(clamping: $0) })
    object.add("drops", counted.drops.map { Int(clamping: $0) })
    object.add("allocation_failures", counted.allocationFailures.map { Int(clamping: $0) })
    return object
  }
}

extension MeasurementReport.Setting {
  /// The member of the run's document that is known before the run.
  package var figures: JSONObject {
    var figures = JSONObject()
    figures.add("configuration", json)
    return figures
  }

  private var json: JSONObject {
    var object = JSONObject()
    object.add("flows", agreement.flows)
    object.add("duration_seconds", agreement.duration.map { Int($0.components.seconds) })
    object.add("bytes_per_flow", agreement.bytesPerFlow)
    object.add("reversed", agreement.reverse != nil && !agreement.isMutual)
    object.add("bidirectional", agreement.isMutual)
    object.add("request_bytes", agreement.exchange?.request)
    object.add("response_bytes", agreement.exchange?.response)
    object.add("omit_seconds", Int(agreement.omitted.components.seconds))
    object.add("interval_seconds", Int(interval.components.seconds))
    object.add("paired", isPaired)
    object.add("interface", interface)
    object.add("driver", driver)
    object.add("ip_version", addressFamily == .v4 ? 4 : 6)
    object.add("engine", end.engine.name)
    switch end {
    case .receive(let end):
      object.add("rx_queues", end.queues.map { Int($0) })
      add(memory, to: &object)
      object.add("rx_page_size_bytes", end.rxPageSize.map { Int($0) })
      object.add("token_mode", end.tokenMode.map { $0 == .automatic ? "automatic" : "manual" })
      object.add("checked_pattern_period", end.patternPeriod)
      object.add("checked_every_fragments", end.validationInterval)
      object.add("busy_poll_microseconds", end.busyPoll?.inMicroseconds)
      object.add("steering", end.steering.rawValue)
    case .send(let end):
      object.add("sends_from", end.load.usesHostMemory ? "host memory" : "device memory")
      add(memory, to: &object)
      object.add("pattern_period", end.load.pattern.period)
      object.add("chunk_bytes", end.chunkSize)
      object.add("rate_bits_per_second", end.load.bitsPerSecond)
    }
    return object
  }

  private func add(_ memory: MemoryFacts?, to object: inout JSONObject) {
    object.add("memory_bytes", memory?.byteCount)
    object.add("memory", memory?.json)
  }
}

extension PeerReport {
  fileprivate var json: JSONObject {
    var object = JSONObject()
    object.add("verdict", hasFailed ? "failed" : "ok")
    object.add("engine", engine.name)
    object.add("duration_seconds", duration.inSeconds, decimals: 6)
    object.add("bytes", bytes)
    object.add("measured_bytes", measuredBytes)
    object.add("flows", flows.map(\.json))
    return object
  }
}

extension PeerReport.Flow {
  fileprivate var json: JSONObject {
    var object = JSONObject()
    object.add("caller_port", port)
    object.add("bytes", bytes)
    object.add("omitted_bytes", omittedBytes)
    if deviceBytes != nil {
      object.add("device_bytes", deviceBytes)
      object.add("linear_bytes", linearBytes)
      object.add("plain_bytes", plainBytes)
      object.add("fragments", fragments)
      object.add("checked_bytes", checkedBytes)
      object.add("wrong_bytes", wrongBytes)
      object.add("out_of_order_packets", outOfOrderPackets)
    } else {
      object.add("retransmits", retransmits)
      object.add("rtt_microseconds", roundTrip?.inMicroseconds)
      object.add("congestion_window_segments", congestionWindow)
      object.add("segment_bytes", segmentSize)
      object.add("reorderings", reorderings)
    }
    return object
  }
}

extension Duration {
  fileprivate var inMicroseconds: Int { Int(nanoseconds / 1000) }
}
