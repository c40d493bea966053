// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Measurement
import Netdev
import Sockets
import TestSupport
import Testing
import Transfer

/// Reports with every member that there can be, and with as few as possible, of both ends.
private struct Reports {
  static let gibibyte = 1 << 30

  private func host(_ files: [String: String]) throws -> HostFacts {
    let directory = try Directory()
    for (name, text) in files { try directory.write(text, to: name) }
    return HostFacts(interface: "eth0", cpus: [0], files: directory.files)
  }

  private var full: HostFacts {
    get throws {
      try host([
        "proc/sys/kernel/osrelease": "6.12.0\n", "proc/sys/kernel/arch": "x86_64\n",
        "proc/cpuinfo": "model name\t: Some \"CPU\"\n",
        "sys/devices/system/cpu/online": "0-7\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
        "sys/devices/system/cpu/cpufreq/boost": "1\n",
        "sys/class/net/eth0/device/vendor": "0x15b3\n",
        "sys/class/net/eth0/device/device": "0x101d\n",
        "sys/class/net/eth0/device/numa_node": "1\n",
      ])
    }
  }

  private func received(_ device: Int, plain: Int = 0, wrong: Int = 0) -> FlowFigures {
    var figures = FlowFigures()
    figures.deviceBytes = device
    figures.linearBytes = plain / 2
    figures.plainBytes = plain / 2
    figures.fragments = device / 4096
    figures.calls = 7
    figures.returnCalls = 3
    figures.tokensReturned = figures.fragments
    figures.wrongBytes = wrong
    return figures
  }

  var received: MeasurementReport {
    get throws {
      let end = MeasurementReport.ReceivingEnd(
        queues: 2..<4, rxPageSize: 16384, tokenMode: .manual, patternPeriod: 7,
        validationInterval: 5, busyPoll: .microseconds(50), steering: .context)
      var options = MeasurementOptions(flows: 2)
      options.controlPort = 5300
      let setting = MeasurementReport.Setting(
        Agreement(flows: 2, patternPeriod: 7, duration: .seconds(10)), options, on: "eth0",
        driver: "gve", .v4, memory: MemoryFacts(.udmabuf(nil), byteCount: 65_536_000),
        as: .receive(end))
      let flows = [received(Self.gibibyte, wrong: 9), received(4096, plain: 100)]
      let interval = Interval(
        start: .zero, end: .milliseconds(1500), flows: [received(4096), received(0)],
        tokensOutstanding: [1, 2], idleHundredths: [9750, nil])
      var report = MeasurementReport(
        setting, on: try full,
        whole: Interval(
          start: .zero, end: .seconds(2), flows: flows, tokensOutstanding: [0, 0],
          idleHundredths: [9725, nil]),
        intervals: [interval], periodsPerInterval: 4,
        workers: [
          .init(flows: [0], cpu: 3, lastCPU: 3, cpuTime: .milliseconds(1500)),
          .init(flows: [1], cpu: 4, lastCPU: 5, cpuTime: .milliseconds(250)),
        ])
      let peer = try SocketAddress(IPAddress(octets: [192, 0, 2, 2]), port: 40000)
      var information = ConnectionInformation(retransmits: 3, roundTrip: .microseconds(412))
      information.outOfOrderPackets = 6
      report.flows = [
        .init(
          0, flows[0], information,
          .received(from: peer, port: peer.port, queue: 2, cpu: 5), wroteMemory: true),
        .init(
          1, flows[1], .init(retransmits: 0, roundTrip: .zero),
          .received(from: nil, port: nil, queue: nil, cpu: nil)),
      ]
      report.queues = [
        (2, QueueStatistics(packets: 10, bytes: 20, allocationFailures: 1, drops: 0)),
        (3, QueueStatistics()),
      ]
      var peers = PeerReport([
        .init(sent: [40000, Self.gibibyte, 0, 3, 412, 10, 1448, 2])
      ])
      peers.end(with: [0, 2_000_000_000, 0])
      report.peer = peers
      return report
    }
  }

  /// Of a receiver that knows as little as possible.
  var receivedBare: MeasurementReport {
    get throws {
      let end = MeasurementReport.ReceivingEnd(
        queues: 0..<1, rxPageSize: nil, tokenMode: .automatic, patternPeriod: nil,
        validationInterval: 1, busyPoll: nil, steering: .none)
      var options = MeasurementOptions(flows: 1)
      options.interval = .zero
      let setting = MeasurementReport.Setting(
        Agreement(flows: 1), options, on: "eth0", driver: "virtio_net", .v6, memory: nil,
        as: .receive(end))
      var report = MeasurementReport(
        setting, on: try host([:]),
        whole: Interval(
          start: .zero, end: .zero, flows: [FlowFigures()], tokensOutstanding: [0],
          idleHundredths: [nil]),
        workers: [.init(flows: [0], cpu: nil, lastCPU: nil, cpuTime: .zero)])
      report.failure = Failure("receive", errno: .noDevice)
      return report
    }
  }

  private func sent(_ bytes: Int, isPlain: Bool) -> (FlowFigures, SendStatistics) {
    var statistics = SendStatistics()
    statistics.bytes = bytes
    statistics.sends = 7
    statistics.completions = 6
    statistics.copied = 5
    statistics.backoffs = 4
    return (FlowFigures(statistics, isPlain: isPlain), statistics)
  }

  var sent: MeasurementReport {
    get throws {
      var load = Load()
      load.bitsPerSecond = 1_000_000
      load.bytesPerFlow = 4096
      var options = MeasurementOptions(flows: 1)
      options.controlPort = 5300
      let setting = MeasurementReport.Setting(
        Agreement(flows: 1, patternPeriod: 7, bytesPerFlow: 4096), options, on: "eth0",
        driver: "gve", .v4,
        memory: MemoryFacts(.cuda(1), byteCount: 1024, access: .copies, mapping: .pcie),
        as: .send(MeasurementReport.SendingEnd(load, chunkSize: 512)))
      let (figures, statistics) = sent(4096, isPlain: false)
      var report = MeasurementReport(
        setting, on: try full,
        whole: Interval(
          start: .zero, end: .seconds(1), flows: [figures], tokensOutstanding: [0],
          idleHundredths: [5000]),
        intervals: [
          Interval(
            start: .zero, end: .seconds(1), flows: [figures], tokensOutstanding: [0],
            idleHundredths: [5000])
        ],
        workers: [.init(flows: [0], cpu: 1, lastCPU: 1, cpuTime: .milliseconds(1))])
      var information = ConnectionInformation(retransmits: 1, roundTrip: .microseconds(50))
      (information.congestionWindow, information.segmentSize) = (10, 1448)
      (information.congestionControl, information.reorderings) = ("cubic", 2)
      report.flows = [
        .init(
          0, figures, information,
          .sent(port: 40000, statistics))
      ]
      var peers = PeerReport([
        .init(received: [40000, 4000, 90, 6, 3, 0, 1, 4096, 2, 6]),
        .init(received: [40001, 4, 0, 0, 1, 0, 0, 0, 0, 0]),
      ])
      peers.end(with: [1, 500_000_000, 0])
      report.peer = peers
      report.failure = .stopped("send")
      return report
    }
  }

  /// Of a sender that knows as little as possible.
  var sentBare: MeasurementReport {
    get throws {
      var load = Load()
      load.usesHostMemory = true
      var options = MeasurementOptions(flows: 1)
      options.duration = .seconds(3)
      let setting = MeasurementReport.Setting(
        Agreement(flows: 1, duration: .seconds(3)), options, on: "eth0", driver: "gve", .v4,
        memory: nil, as: .send(MeasurementReport.SendingEnd(load, chunkSize: nil)))
      return MeasurementReport(
        setting, on: try host([:]),
        whole: Interval(
          start: .zero, end: .seconds(3), flows: [sent(9, isPlain: true).0],
          tokensOutstanding: [0], idleHundredths: [nil]),
        workers: [.init(flows: [0], cpu: nil, lastCPU: 1, cpuTime: .zero)])
    }
  }
}

struct MeasurementReportTests {
  private let reports = Reports()

  @Test("people read of each worker, flow and queue, and of the sender")
  func describesReceiver() throws {
    #expect(
      try reports.received.lines == [
        "worker 0: CPU 3, 97.25 % idle; 1.500 s of CPU, 1.500 s/GiB",
        "worker 1: CPU 4, ? % idle; 0.250 s of CPU, 63974.132 s/GiB",
        "flow 0: from 192.0.2.2:40000, queue 2, packets on CPU 5, 3 retransmits, rtt 0.412 ms, "
          + "6 packets out of order, 9 bytes wrong",
        "flow 1: from nowhere, 0 retransmits, rtt 0.000 ms",
        "queue 2: packets 10, drops 0, allocation failures 1",
        "queue 3: packets not reported, drops not reported, allocation failures not reported",
        "sender: port 40000, 1073741824 bytes, 3 retransmits, rtt 0.412 ms",
        "sender: sum 1073741824 bytes in 2.000 s, 4.295 Gbit/s, ok",
      ])
    #expect(
      try reports.receivedBare.lines == ["worker 0: any CPU; 0.000 s of CPU, - s/GiB"])
  }

  @Test("people read of each worker and flow that sends, and of the receiver")
  func describesSender() throws {
    #expect(
      try reports.sent.lines == [
        "worker 0: CPU 1, 50.00 % idle; 0.001 s of CPU, 262.144 s/GiB",
        "flow 0: port 40000, 1 retransmits, rtt 0.050 ms, cwnd 10 of 1448 bytes (cubic), "
          + "2 reorderings",
        "receiver: port 40000, 4096 bytes, 4000 in device memory (3 fragments), 2 wrong of 4096 "
          + "checked",
        "receiver: port 40001, 4 bytes, 4 in device memory (1 fragments), not checked",
        "receiver: sum 4100 bytes in 0.500 s, 0.000 Gbit/s, failed",
      ])
    #expect(try reports.sentBare.lines == ["worker 0: any CPU; 0.000 s of CPU, 0.000 s/GiB"])
  }

  /// A report's members of the document, without what stands around them.
  private func members(of report: MeasurementReport) -> String {
    String(report.figures().text.dropFirst().dropLast())
  }

  /// The document of a run that made a report.
  private func document(of report: MeasurementReport) -> String {
    var document = Document(by: "ncdevmem 1", role: report.role.rawValue, options: JSONObject())
    document.schema = MeasurementReport.schema
    document.report(report.figures())
    return document.text(failure: report.failure, status: report.failure?.exitStatus() ?? 0)
  }

  @Test("programs read all that there is of a receiver")
  func encodesReceiver() throws {
    let whole = """
      "mapped_bytes": 0, "linear_bytes": 50, "fragments": 262145, "recvmsg_calls": 14, "dontneed_calls": 6, \
      "tokens_returned": 262145, "tokens_outstanding": 0, "checked_bytes": 0, "wrong_bytes": 9
      """
    #expect(
      try members(of: reports.received)
        == [
          #""configuration": {"flows": 2, "duration_seconds": 10, "bytes_per_flow": null"#,
          #""reversed": false, "bidirectional": false, "request_bytes": null, "response_bytes": null, "omit_seconds": 0, "interval_seconds": 1, "paired": true, "interface": "eth0", "driver": "gve""#,
          #""ip_version": 4, "engine": "devmem", "rx_queues": [2, 3], "memory_bytes": 65536000"#,
          #""memory": {"kind": "udmabuf", "bytes": 65536000, "cpu_access": "mapped""#,
          #""pci_mapping": null, "validated_by": null}"#,
          #""rx_page_size_bytes": 16384, "token_mode": "manual", "checked_pattern_period": 7"#,
          #""checked_every_fragments": 5, "busy_poll_microseconds": 50, "steering": "context"}"#,
          #""host": {"kernel": "6.12.0", "architecture": "x86_64", "processor": "Some \"CPU\"""#,
          #""online_cpus": "0-7", "cpu_governors": ["performance"], "cpu_boost": true"#,
          #""nic_pci_id": "0x15b3:0x101d", "nic_numa_node": 1}, "mean_idle_percent": 97.25"#,
          #""total": {"seconds": 2.000000, "bytes": 1073746020, "gigabits_per_second": 4.294984"#,
          #""device_bytes": 1073745920, "plain_bytes": 50, \#(whole)}"#,
          #""latency": null, "flows": [{"flow": 0, "caller_port": 40000, "worker": 0, "rx_queue": 2"#,
          #""softirq_cpu": 5, "memory_written": true, "retransmits": 3, "rtt_microseconds": 412, "segment_bytes": 0, "out_of_order_packets": 6, "latency": null, "bytes": 1073741824"#,
          #""gigabits_per_second": 4.294967, "device_bytes": 1073741824, "plain_bytes": 0"#,
          #""mapped_bytes": 0, "linear_bytes": 0, "fragments": 262144, "recvmsg_calls": 7, "dontneed_calls": 3"#,
          #""tokens_returned": 262144, "tokens_outstanding": 0, "checked_bytes": 0, "wrong_bytes": 9}"#,
          #"{"flow": 1, "caller_port": null, "worker": 1, "rx_queue": null, "softirq_cpu": null"#,
          #""memory_written": null, "retransmits": 0, "rtt_microseconds": 0, "segment_bytes": 0, "out_of_order_packets": 0, "latency": null, "bytes": 4196"#,
          #""gigabits_per_second": 0.000017, "device_bytes": 4096, "plain_bytes": 50"#,
          #""mapped_bytes": 0, "linear_bytes": 50, "fragments": 1, "recvmsg_calls": 7, "dontneed_calls": 3"#,
          #""tokens_returned": 1, "tokens_outstanding": 0, "checked_bytes": 0, "wrong_bytes": 0}]"#,
          #""workers": [{"worker": 0, "flows": [0], "cpu": 3, "stayed_on_cpu": true"#,
          #""cpu_idle_percent": 97.25, "thread_cpu_seconds": 1.500000"#,
          #""thread_cpu_seconds_per_gib": 1.500000}, {"worker": 1, "flows": [1], "cpu": 4"#,
          #""stayed_on_cpu": false, "cpu_idle_percent": null, "thread_cpu_seconds": 0.250000"#,
          #""thread_cpu_seconds_per_gib": 63974.131554}]"#,
          #""queues": [{"queue": 2, "packets": 10, "bytes": 20, "drops": 0"#,
          #""allocation_failures": 1}, {"queue": 3, "packets": null, "bytes": null"#,
          #""drops": null, "allocation_failures": null}]"#,
          #""intervals": [{"start_seconds": 0.000000, "end_seconds": 1.500000"#,
          #""total": {"seconds": 1.500000, "bytes": 4096, "gigabits_per_second": 0.000022"#,
          #""device_bytes": 4096, "plain_bytes": 0, "mapped_bytes": 0, "linear_bytes": 0, "fragments": 1"#,
          #""recvmsg_calls": 14, "dontneed_calls": 6, "tokens_returned": 1"#,
          #""tokens_outstanding": 3, "checked_bytes": 0, "wrong_bytes": 0}"#,
          #""flows": [{"seconds": 1.500000, "bytes": 4096, "gigabits_per_second": 0.000022"#,
          #""device_bytes": 4096, "plain_bytes": 0, "mapped_bytes": 0, "linear_bytes": 0, "fragments": 1"#,
          #""recvmsg_calls": 7, "dontneed_calls": 3, "tokens_returned": 1"#,
          #""tokens_outstanding": 1, "checked_bytes": 0, "wrong_bytes": 0}, {"seconds": 1.500000, "bytes": 0"#,
          #""gigabits_per_second": 0.000000, "device_bytes": 0, "plain_bytes": 0"#,
          #""mapped_bytes": 0, "linear_bytes": 0, "fragments": 0, "recvmsg_calls": 7, "dontneed_calls": 3"#,
          #""tokens_returned": 0, "tokens_outstanding": 2, "checked_bytes": 0, "wrong_bytes": 0}]"#,
          #""workers": [{"cpu_idle_percent": 97.50}, {"cpu_idle_percent": null}]}]"#,
          #""periods_per_interval": 4, "peer": {"verdict": "ok", "engine": "devmem", "duration_seconds": 2.000000"#,
          #""bytes": 1073741824, "measured_bytes": 1073741824"#,
          #""flows": [{"caller_port": 40000, "bytes": 1073741824, "omitted_bytes": 0"#,
          #""retransmits": 3, "rtt_microseconds": 412, "congestion_window_segments": 10"#,
          #""segment_bytes": 1448, "reorderings": 2}]}"#,
        ].joined(separator: ", "))
  }

  @Test("programs read null where there is nothing to read of a receiver")
  func encodesBareReceiver() throws {
    #expect(
      try members(of: reports.receivedBare)
        == [
          #""configuration": {"flows": 1, "duration_seconds": null, "bytes_per_flow": null"#,
          #""reversed": false, "bidirectional": false, "request_bytes": null, "response_bytes": null, "omit_seconds": 0, "interval_seconds": 0, "paired": false, "interface": "eth0", "driver": "virtio_net""#,
          #""ip_version": 6, "engine": "devmem", "rx_queues": [0], "memory_bytes": null, "memory": null"#,
          #""rx_page_size_bytes": null, "token_mode": "automatic""#,
          #""checked_pattern_period": null, "checked_every_fragments": 1"#,
          #""busy_poll_microseconds": null, "steering": "none"}"#,
          #""host": {"kernel": null, "architecture": null, "processor": null"#,
          #""online_cpus": null, "cpu_governors": [], "cpu_boost": null"#,
          #""nic_pci_id": null, "nic_numa_node": null}, "mean_idle_percent": null"#,
          #""total": {"seconds": 0.000000, "bytes": 0, "gigabits_per_second": 0.000000"#,
          #""device_bytes": 0, "plain_bytes": 0, "mapped_bytes": 0, "linear_bytes": 0, "fragments": 0"#,
          #""recvmsg_calls": 0, "dontneed_calls": 0, "tokens_returned": 0"#,
          #""tokens_outstanding": 0, "checked_bytes": 0, "wrong_bytes": 0}, "latency": null, "flows": []"#,
          #""workers": [{"worker": 0, "flows": [0], "cpu": null, "stayed_on_cpu": null"#,
          #""cpu_idle_percent": null, "thread_cpu_seconds": 0.000000"#,
          #""thread_cpu_seconds_per_gib": null}], "queues": [], "intervals": []"#,
          #""periods_per_interval": 1, "peer": null"#,
        ].joined(separator: ", "))
  }

  @Test("programs read all that there is of a sender")
  func encodesSender() throws {
    let figures = """
      "bytes": 4096, "gigabits_per_second": 0.000033, "device_bytes": 4096, "plain_bytes": 0, \
      "sendmsg_calls": 7
      """
    #expect(
      try members(of: reports.sent)
        == [
          #""configuration": {"flows": 1, "duration_seconds": null, "bytes_per_flow": 4096"#,
          #""reversed": false, "bidirectional": false, "request_bytes": null, "response_bytes": null, "omit_seconds": 0, "interval_seconds": 1, "paired": true, "interface": "eth0", "driver": "gve""#,
          #""ip_version": 4, "engine": "devmem", "sends_from": "device memory", "memory_bytes": 1024"#,
          #""memory": {"kind": "cuda:1", "bytes": 1024, "cpu_access": "copies""#,
          #""pci_mapping": "pcie", "validated_by": null}"#,
          #""pattern_period": 7, "chunk_bytes": 512, "rate_bits_per_second": 1000000}"#,
          #""host": {"kernel": "6.12.0", "architecture": "x86_64", "processor": "Some \"CPU\"""#,
          #""online_cpus": "0-7", "cpu_governors": ["performance"], "cpu_boost": true"#,
          #""nic_pci_id": "0x15b3:0x101d", "nic_numa_node": 1}, "mean_idle_percent": 50.00"#,
          #""total": {"seconds": 1.000000, \#(figures)}"#,
          #""latency": null, "flows": [{"flow": 0, "caller_port": 40000, "worker": 0, "retransmits": 1"#,
          #""rtt_microseconds": 50, "segment_bytes": 1448, "congestion_control": "cubic", "congestion_window_segments": 10, "reorderings": 2, "completions": 6, "copied_sends": 5, "waits_for_notices": 4, "latency": null"#,
          #"\#(figures)}], "workers": [{"worker": 0, "flows": [0], "cpu": 1"#,
          #""stayed_on_cpu": true, "cpu_idle_percent": 50.00, "thread_cpu_seconds": 0.001000"#,
          #""thread_cpu_seconds_per_gib": 262.144000}], "queues": []"#,
          #""intervals": [{"start_seconds": 0.000000, "end_seconds": 1.000000"#,
          #""total": {"seconds": 1.000000, \#(figures)}"#,
          #""flows": [{"seconds": 1.000000, \#(figures)}]"#,
          #""workers": [{"cpu_idle_percent": 50.00}]}], "periods_per_interval": 1"#,
          #""peer": {"verdict": "failed", "engine": "devmem", "duration_seconds": 0.500000, "bytes": 4100"#,
          #""measured_bytes": 4100, "flows": [{"caller_port": 40000, "bytes": 4096"#,
          #""omitted_bytes": 0, "device_bytes": 4000, "linear_bytes": 90, "plain_bytes": 6"#,
          #""fragments": 3, "checked_bytes": 4096, "wrong_bytes": 2, "out_of_order_packets": 6}"#,
          #"{"caller_port": 40001, "bytes": 4, "omitted_bytes": 0, "device_bytes": 4"#,
          #""linear_bytes": 0, "plain_bytes": 0, "fragments": 1, "checked_bytes": null"#,
          #""wrong_bytes": null, "out_of_order_packets": 0}]}"#,
        ].joined(separator: ", "))
  }

  @Test("programs read of a sender from host memory that it had no device memory")
  func encodesBareSender() throws {
    let members = try members(of: reports.sentBare)
    for part in [
      #""configuration": {"flows": 1, "duration_seconds": 3"#,
      #""paired": false"#,
      #""sends_from": "host memory", "memory_bytes": null, "memory": null, "pattern_period": 7"#,
      #""chunk_bytes": null, "rate_bits_per_second": null}"#,
      #""bytes": 9, "gigabits_per_second": 0.000000, "device_bytes": 0, "plain_bytes": 9"#,
      #""intervals": [], "periods_per_interval": 1, "peer": null"#,
    ] { #expect(members.contains(part), "\(part)") }
  }

  @Test("each document is as the schema says, with all that there is and with little")
  func followsSchema() throws {
    let schema = try Schema("measurement.json")
    for report in try [
      reports.received, reports.receivedBare, reports.sent, reports.sentBare,
    ] {
      #expect(schema.problems(of: try JSON(document(of: report))).isEmpty)
    }
  }

  @Test("how long exchanges took is in one line, and in the document with its distribution")
  func describesLatency() throws {
    var report = try reports.sent
    var setting = report.setting
    setting.agreement.exchange = Exchange(request: 100, response: 3)
    report = MeasurementReport(
      setting, on: report.host, whole: report.whole, workers: report.workers)
    report.flows = try reports.sent.flows + reports.sent.flows
    for (flow, times) in [[20, 10], [30, 40, 1000]].enumerated() {
      var latencies = LatencyHistogram()
      for time in times { latencies.record(.microseconds(time)) }
      report.flows[flow].latencies = latencies
    }
    #expect(
      report.lines[0] == """
        latency: p50 30.0, p90 1000.0, p99 1000.0, p99.9 1000.0, mean 220.0, max 1000.0 us; \
        5 exchanges of 100 and 3 bytes, 5.0 a second
        """)
    let text = document(of: report)
    let document = try JSON(text)
    #expect(try Schema("measurement.json").problems(of: document) == [])
    let latency = try #require(document["latency"])
    #expect(latency["exchanges"]?.value == 5)
    #expect(latency["min_microseconds"]?.value == 10)
    #expect(latency["p99_9_microseconds"]?.value == 1000)
    #expect(latency["distribution"]?.elements.last?["percent"]?.value == 100)
    let flows = try #require(document["flows"]).elements.compactMap { $0["latency"] }
    #expect(flows.map { $0["exchanges"]?.value } == [2, 3])
    #expect(flows.allSatisfy { $0["distribution"] == nil })
    #expect(text.contains(#""request_bytes": 100, "response_bytes": 3"#))
  }

  @Test("the document of both directions is as its schema says, and each part one of one direction")
  func describesBothDirections() throws {
    var (received, sent) = (try reports.received, try reports.sent)
    received.failure = nil
    sent.failure = Failure("send", reason: "because")
    let report = MutualReport(receiving: received, sending: sent)
    #expect(report.failure?.reason == "because")
    let wholes = ["receiving:"] + received.lines + ["sending:"] + sent.lines
    #expect(report.lines == wholes)
    var document = Document(by: "ncdevmem 1", role: MutualReport.role, options: JSONObject())
    document.schema = MutualReport.schema
    document.report(report.figures())
    let text = document.text(failure: nil, status: 0)
    #expect(try Schema("bidirectional.json").problems(of: try JSON(text)) == [])
    for (role, part) in [("receive", received), ("send", sent)] {
      let figures = part.figures().text
      #expect(text.contains("\"\(role)\": \(figures)"))
      var single = Document(by: "ncdevmem 1", role: role, options: JSONObject())
      single.schema = MeasurementReport.schema
      single.report(part.figures())
      let problems = try Schema("measurement.json")
        .problems(of: try JSON(single.text(failure: nil, status: 0)))
      #expect(problems == [])
    }
  }

  @Test("the schema finds what is missing, unknown or of another kind")
  func findsProblems() throws {
    let schema = try Schema("measurement.json")
    let document = try document(of: reports.received)
    for (part, other, problem) in [
      (#""tool": "ncdevmem 1", "#, "", "document lacks tool"),
      (#""tool": "#, #""tools": "", "tool": "#, "document has tools"),
      (#""flows": 2"#, #""flows": 0"#, "document.configuration.flows is integer(0): minimum"),
      (#""paired": true"#, #""paired": 1"#, "document.configuration.paired is integer(1): type"),
      (#""role": "receive""#, #""role": "send""#, "document.total lacks sendmsg_calls"),
      (#""softirq_cpu": 5, "#, "", "document.flows[0] lacks softirq_cpu"),
      (#""seconds": 2.000000"#, #""seconds": "2""#, "document.total.seconds is string"),
      (#""verdict": "ok""#, #""verdict": "good""#, "document.verdict is string(\"good\"): enum"),
    ] {
      let changed = document.replacing(part, with: other, maxReplacements: 1)
      #expect(changed != document)
      let problems = schema.problems(of: try JSON(changed))
      #expect(problems.contains { $0.hasPrefix(problem) }, "\(problem): \(problems)")
    }
  }

  @Test("what is left out is in no figure but its own")
  func leavesWarmUpOut() throws {
    let all = try reports.received
    var part = FlowFigures()
    part.deviceBytes = 96
    let warmUp = Interval(
      start: .zero, end: .seconds(1), flows: [part, FlowFigures()], tokensOutstanding: [0, 0],
      idleHundredths: [nil, nil], isOmitted: true)
    var report = MeasurementReport(
      all.setting, on: all.host,
      whole: Interval(
        start: .seconds(1), end: .seconds(2),
        flows: zip(all.flows, warmUp.flows).map { $0.figures - $1 }, tokensOutstanding: [0, 0],
        idleHundredths: [nil, nil]),
      omitted: warmUp, intervals: [warmUp], workers: all.workers)
    report.flows = all.flows
    let figures = try JSON(report.figures().text)
    func bytes(_ figures: JSON?) -> Double? { figures?["device_bytes"]?.value }
    #expect(bytes(figures["omitted"]) == 96)
    #expect(bytes(figures["total"]) == Double(Reports.gibibyte + 4096 - 96))
    #expect(figures["total"]?["seconds"]?.value == 1)
    #expect(figures["flows"]?.elements.map(bytes) == [Double(Reports.gibibyte - 96), 4096])
    #expect(figures["intervals"]?.elements.first?["omitted"] == .truth(true))
    #expect(report.emptiness == nil)
    let schema = try Schema("measurement.json")
    #expect(schema.problems(of: try JSON(document(of: report))).isEmpty)
  }

  @Test("a run that ends within its warm-up has measured nothing")
  func findsEmptiness() throws {
    let all = try reports.received
    let none = Interval(
      start: .milliseconds(700), end: .milliseconds(700), flows: [], tokensOutstanding: [],
      idleHundredths: [])
    let warmUp = Interval(
      start: .zero, end: .milliseconds(700), flows: [], tokensOutstanding: [], idleHundredths: [],
      isOmitted: true)
    let report = MeasurementReport(
      all.setting, on: all.host, whole: none, omitted: warmUp, workers: [])
    #expect(report.emptiness?.reason == "the flows ended after 0.7 s, in the warm-up")
    #expect(all.emptiness == nil)
  }
}
