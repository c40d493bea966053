// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Options

/// What a measurement came to: lines for people, and a document for programs whose form
/// `schema/throughput.json` tells.
struct ThroughputReport {
  enum Role: String {
    case receive
    case send
  }

  private let role: Role
  private let isPaired: Bool
  var configuration = JSONObject()
  var flows: [JSONObject] = []
  var workers: [JSONObject] = []
  /// The bound queues; none of a sender.
  var queues: [JSONObject] = []
  var host: JSONObject?
  /// For people, in order.
  var lines: [String] = []
  var peer: PeerReport?

  /// The run as one interval; `nil` if it did not come to measuring.
  private(set) var whole: ThroughputReporter.Interval?
  private var intervals: [ThroughputReporter.Interval] = []
  private var intervalsLeftOut = 0
  private var verdict = "ok"
  private var failure: Failure?

  init(role: Role, terms: FlowTerms, measurement: Configuration.Measurement) {
    self.role = role
    isPaired = measurement.controlPort != nil
    configuration.add("flows", terms.flows)
    configuration.add("duration_seconds", terms.duration ?? measurement.duration?.wholeSeconds)
    configuration.add("bytes_per_flow", terms.bytesPerFlow)
    configuration.add("interval_seconds", measurement.interval.wholeSeconds)
    configuration.add("paired", isPaired)
  }

  /// All flows together.
  var total: FlowFigures { whole?.flows.reduce(FlowFigures(), +) ?? FlowFigures() }

  /// Adds what was measured.
  mutating func add(
    _ reporter: ThroughputReporter, of workers: [any FlowWorker], on interface: String
  ) {
    whole = reporter.whole
    intervals = reporter.intervals
    intervalsLeftOut = reporter.intervalsLeftOut
    host = HostFacts(interface: interface, cpus: workers.compactMap(\.cpu)).json
    guard let whole else { return }
    for (number, worker) in workers.enumerated() {
      add(worker, number, in: whole)
    }
  }

  private mutating func add(
    _ worker: any FlowWorker, _ number: Int, in whole: ThroughputReporter.Interval
  ) {
    let bytes = worker.flowIndices.reduce(0) { $0 + whole.flows[$1].bytes }
    let seconds = Double(worker.record.cpuNanoseconds) / 1e9
    let perGiB = bytes > 0 ? seconds / (Double(bytes) / 1_073_741_824) : nil
    let idle = whole.idleHundredths[number].map { Double($0) / 100 }
    var object = JSONObject()
    object.add("worker", number)
    object.add("flows", worker.flowIndices)
    object.add("cpu", worker.cpu)
    object.add("stayed_on_cpu", worker.cpu.map { $0 == worker.record.lastCPU })
    object.add("cpu_idle_percent", idle, decimals: 2)
    object.add("thread_cpu_seconds", seconds, decimals: 6)
    object.add("thread_cpu_seconds_per_gib", perGiB, decimals: 6)
    workers.append(object)
    let place = worker.cpu.map { "CPU \($0), \(idle?.formatted(2) ?? "?") % idle" } ?? "any CPU"
    lines.append(
      """
      worker \(number): \(place); \(seconds.formatted(3)) s of CPU, \
      \(perGiB?.formatted(3) ?? "-") s/GiB
      """)
  }

  /// Adds the verdict.
  mutating func conclude(with result: Result<Void, Failure>) {
    guard case .failure(let failure) = result else { return }
    verdict = failure.errno == .interrupted ? "stopped" : "failed"
    self.failure = failure
  }

  /// Tells people, and programs if asked for.
  func tell(asJSON: Bool) {
    for line in lines { Diagnostics.print(line) }
    if let peer { tell(peer) }
    if asJSON { print(json) }
  }

  private func tell(_ peer: PeerReport) {
    let end = role == .receive ? "sender" : "receiver"
    for flow in peer.flows {
      var line = "\(end): port \(flow.port), \(flow.bytes) bytes"
      if let device = flow.deviceBytes {
        line += ", \(device) in device memory (\(flow.fragments ?? 0) fragments)"
        line += flow.wrongBytes.map { ", \($0) wrong" } ?? ", not checked"
      } else {
        line += ", \(flow.retransmits ?? 0) retransmits, "
        line += "rtt \(Self.milliseconds(flow.roundTripMicroseconds ?? 0)) ms"
      }
      Diagnostics.print(line)
    }
    let bytes = peer.flows.reduce(0) { $0 &+ $1.bytes }
    let rate = gigabitsPerSecond(bytes, in: peer.seconds).formatted(3)
    Diagnostics.print(
      """
      \(end): sum \(bytes) bytes in \(peer.seconds.formatted(3)) s, \(rate) Gbit/s, \
      \(peer.hasFailed ? "failed" : "ok")
      """)
  }

  static func milliseconds(_ microseconds: Int) -> String {
    (Double(microseconds) / 1000).formatted(3)
  }
}

extension ThroughputReport {
  /// One line.
  private var json: String {
    var document = JSONObject()
    document.add("schema", "ncdevmem-throughput-1")
    document.add("tool", Usage.version)
    document.add("role", role.rawValue)
    document.add("verdict", verdict)
    document.add("failure", failure?.description)
    document.add("configuration", configuration)
    document.add("host", host)
    let idle = whole.flatMap { ThroughputReporter.mean($0.idleHundredths) }
    document.add("mean_idle_percent", idle.map { Double($0) / 100 }, decimals: 2)
    document.add("total", whole.map { json(of: total, over: $0.seconds, tokens: nil) })
    document.add("flows", flows)
    document.add("workers", workers)
    document.add("queues", queues)
    document.add("intervals", intervals.map(json(of:)))
    document.add("intervals_left_out", intervalsLeftOut)
    document.add("peer", peer?.json)
    return document.text
  }

  private func json(of interval: ThroughputReporter.Interval) -> JSONObject {
    var object = JSONObject()
    object.add("start_seconds", interval.start, decimals: 6)
    object.add("end_seconds", interval.end, decimals: 6)
    let sum = interval.flows.reduce(FlowFigures(), +)
    let tokens = interval.tokensOutstanding.reduce(0, +)
    object.add("total", json(of: sum, over: interval.seconds, tokens: tokens))
    object.add(
      "flows",
      zip(interval.flows, interval.tokensOutstanding).map { flow, tokens in
        json(of: flow, over: interval.seconds, tokens: tokens)
      })
    object.add(
      "workers",
      interval.idleHundredths.map { idle in
        var object = JSONObject()
        object.add("cpu_idle_percent", idle.map { Double($0) / 100 }, decimals: 2)
        return object
      })
    return object
  }

  /// - Parameter tokens: How many were outstanding at the end, if not what the figures tell.
  private func json(of figures: FlowFigures, over seconds: Double, tokens: Int?) -> JSONObject {
    var object = JSONObject()
    object.add("seconds", seconds, decimals: 6)
    add(figures, over: seconds, tokens: tokens ?? figures.tokensOutstanding, to: &object)
    return object
  }

  /// Adds a flow's figures, or those of all.
  func add(
    _ figures: FlowFigures, over seconds: Double, tokens: Int, to object: inout JSONObject
  ) {
    object.add("bytes", figures.bytes)
    object.add(
      "gigabits_per_second", gigabitsPerSecond(figures.bytes, in: seconds), decimals: 6)
    object.add("device_bytes", figures.deviceBytes)
    object.add("plain_bytes", figures.plainBytes)
    guard role == .receive else {
      object.add("sendmsg_calls", figures.calls)
      return
    }
    object.add("linear_bytes", figures.linearBytes)
    object.add("fragments", figures.fragments)
    object.add("recvmsg_calls", figures.calls)
    object.add("dontneed_calls", figures.returnCalls)
    object.add("tokens_returned", figures.tokensReturned)
    object.add("tokens_outstanding", tokens)
    object.add("wrong_bytes", figures.wrongBytes)
  }
}
