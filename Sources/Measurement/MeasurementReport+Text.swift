// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Netdev
internal import Sockets
internal import Transfer

extension MeasurementReport {
  /// What people read once the measurement has ended, beside the intervals.
  package var lines: [String] {
    let shown = IntervalTable.shown(flows.map(\.figures))
    return latencyLines + workers.indices.map(line(ofWorker:)) + shown.map { line(of: flows[$0]) }
      + noteOfMore + queues.map { Self.line(ofQueue: $0.queue, $0.statistics) } + peerLines
  }

  private var latencyLines: [String] {
    guard let exchange = setting.agreement.exchange, let latencies else { return [] }
    let times = ReportedPercentile.all.compactMap { percentile in
      latencies.value(atPercent: percentile.percent)
        .map { "\(percentile.name) \(Self.microseconds($0))" }
    }
    let extremes = [("mean", latencies.mean), ("max", latencies.maximum)].compactMap { name, time in
      time.map { "\(name) \(Self.microseconds($0))" }
    }
    let rate = whole.length > .zero ? Double(latencies.count) / whole.length.inSeconds : 0
    return [
      """
      latency: \((times + extremes).joined(separator: ", ")) us; \(latencies.count) exchanges of \
      \(exchange.request) and \(exchange.response) bytes, \(rate.formatted(1)) a second
      """
    ]
  }

  private static func microseconds(_ duration: Duration) -> String {
    (duration.inSeconds * 1e6).formatted(1)
  }

  /// What is said where not all flows have a line.
  private var noteOfMore: [String] {
    guard flows.count > IntervalTable.lineLimit else { return [] }
    return [
      "\(flows.count) flows: those with the least, the median and the most bytes are shown; "
        + "--json has all"
    ]
  }

  private func line(ofWorker number: Int) -> String {
    let worker = workers[number]
    let idle = whole.idleHundredths[number].map { (Double($0) / 100).formatted(2) }
    let place = worker.cpu.map { "CPU \($0), \(idle ?? "?") % idle" } ?? "any CPU"
    return """
      worker \(number): \(place); \(worker.cpuTime.inSeconds.formatted(3)) s of CPU, \
      \(cpuSecondsPerGiB(of: worker)?.formatted(3) ?? "-") s/GiB
      """
  }

  private func line(of flow: Flow) -> String {
    let account = """
      \(flow.information.retransmits) retransmits, \
      rtt \(Self.milliseconds(flow.information.roundTrip)) ms
      """
    switch flow.detail {
    case .received(let peer, _, let queue, let cpu):
      let wrong = flow.figures.wrongBytes
      let late = flow.information.outOfOrderPackets
      return """
        flow \(flow.index): from \(peer?.description ?? "nowhere")\
        \(queue.map { ", queue \($0)" } ?? "")\
        \(cpu.map { ", packets on CPU \($0)" } ?? ""), \(account)\
        \(late > 0 ? ", \(late) packets out of order" : "")\
        \(setting.end.engine == .zerocopySocket ? mapped(flow) : "")\
        \(wrong > 0 ? ", \(wrong) bytes wrong" : "")
        """
    case .sent(let port, let statistics):
      let copies =
        setting.end.engine == .zerocopySocket
        ? ", \(statistics.copied) of \(statistics.sends) sends copied after all" : ""
      let window = flow.information.congestionWindow
      return """
        flow \(flow.index): port \(port), \(account), cwnd \(window) of \
        \(flow.information.segmentSize) bytes\
        \(flow.information.congestionControl.map { " (\($0))" } ?? ""), \
        \(flow.information.reorderings) reorderings\(copies)
        """
    }
  }

  private func mapped(_ flow: Flow) -> String {
    ", \(flow.figures.mappedBytes) of \(flow.figures.bytes) bytes in mapped pages"
  }

  private static func line(ofQueue queue: UInt32, _ counted: QueueStatistics) -> String {
    func text(_ count: UInt64?) -> String { count.map(String.init) ?? "not reported" }
    return """
      queue \(queue): packets \(text(counted.packets)), drops \(text(counted.drops)), \
      allocation failures \(text(counted.allocationFailures))
      """
  }

  private var peerLines: [String] {
    guard let peer else { return [] }
    let name = role == .receive ? "sender" : "receiver"
    let rate = gigabitsPerSecond(peer.measuredBytes, in: peer.duration).formatted(3)
    let shown = peer.flows.count > IntervalTable.lineLimit ? [] : peer.flows
    return shown.map { "\(name): \(Self.line(of: $0))" } + [
      """
      \(name): sum \(peer.measuredBytes) bytes in \(peer.duration.inSeconds.formatted(3)) s, \
      \(rate) Gbit/s\(peer.engine == .devmem ? "" : " by \(peer.engine.name)"), \
      \(peer.hasFailed ? "failed" : "ok")
      """
    ]
  }

  private static func line(of flow: PeerReport.Flow) -> String {
    let head = "port \(flow.port), \(flow.bytes) bytes, "
    guard let device = flow.deviceBytes else {
      return head + """
        \(flow.retransmits ?? 0) retransmits, rtt \(milliseconds(flow.roundTrip ?? .zero)) ms
        """
    }
    let wrong =
      flow.wrongBytes.map { "\($0) wrong of \(flow.checkedBytes ?? 0) checked" } ?? "not checked"
    return head + "\(device) in device memory (\(flow.fragments ?? 0) fragments), \(wrong)"
  }

  private static func milliseconds(_ duration: Duration) -> String {
    (duration.inSeconds * 1000).formatted(3)
  }
}
