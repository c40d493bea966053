// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Measurement
import Netdev
import Options
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

struct ConfigurationTests {
  @Test(
    "what the kernel's own tests ask for is understood",
    arguments: [
      ("-f eth0", .probe(probe())),
      ("-f eth0 -b 16384", .probe(probe { $0.target.binding.rxPageSize = 16384 })),
      (
        "-l -f eth0 -s 192.0.2.1 -p 5201 -c 192.0.2.2 -v 7",
        .receive(
          receive {
            $0.peer = IPAddress("192.0.2.2")
            $0.checks.pattern = Pattern(period: 7)
          })
      ),
      (
        "-l -f eth0 -s 192.0.2.1 -p 5201 -t 3 -q 1 -n -v 7 -b 65536",
        .receive(
          receive {
            $0.target.queues = 3..<4
            $0.configuresNIC = false
            $0.checks.pattern = Pattern(period: 7)
            $0.target.binding.rxPageSize = 65536
          })
      ),
      ("-l -f eth0 -s 192.0.2.1 -p 5201 -L", .receive(receive { $0.checks.failsOnLinear = true })),
      ("-f eth0 -s 192.0.2.1 -p 5201", .send(send())),
      ("-f eth0 -s 192.0.2.1 -p 5201 -t 0 -q 1 -n -z 3", .send(send { $0.chunkSize = 3 })),
    ] as [(String, Configuration)])
  func understandsKernelTests(line: String, expected: Configuration) throws {
    #expect(try Configuration(line) == expected)
  }

  @Test("killed runs are cleaned up after on all interfaces, or on one")
  func restores() throws {
    #expect(try Configuration("--restore") == .restore(Configuration.Restore()))
    #expect(
      try Configuration("--restore -f eth0") == .restore(Configuration.Restore(interface: "eth0")))
    #expect(
      try Configuration("--restore --force") == .restore(Configuration.Restore(isForced: true)))
  }

  @Test(
    "words are split into options as the C library splits them",
    arguments: [
      "-lf eth0 -s192.0.2.1 -p5201",
      "-lfeth0 -s 192.0.2.1 -p5201",
      "-ls 192.0.2.1 -p 5201 -f eth0",
      "--listen --interface eth0 --server=192.0.2.1 --port=5201",
      "--lis --interf=eth0 --ser 192.0.2.1 --po 5201",
      "-l -f eth0 -s 192.0.2.1 -p 5201 --",
      "-l -f eth0 -s ::1 -p 1 -p 5201 -s 192.0.2.1",
      "-l -f eth0 -s ::ffff:192.0.2.1 -p 0x1451",
    ])
  func splitsLikeC(line: String) throws {
    #expect(try Configuration(line) == .receive(receive()))
  }

  @Test(
    "each option of a receiving run has its effect",
    arguments: [
      ("-c 192.0.2.7", receive { $0.peer = IPAddress("192.0.2.7") }),
      ("--client 192.0.2.7", receive { $0.peer = IPAddress("192.0.2.7") }),
      ("--mss 88", receive { $0.tcp.segmentSize = 88 }),
      ("--validate 256", receive { $0.checks.pattern = Pattern(period: 256) }),
      ("--fail-on-linear", receive { $0.checks.failsOnLinear = true }),
      ("--no-nic-config", receive { $0.configuresNIC = false }),
      ("--first-queue 0 --queues 2", receive { $0.target.queues = 0..<2 }),
      ("-q 1 -t 4294967294", receive { $0.target.queues = 4_294_967_294..<4_294_967_295 }),
      ("-b \(pageSize)", receive { $0.target.binding.rxPageSize = UInt32(pageSize) }),
      ("--rx-page-size 64K", receive { $0.target.binding.rxPageSize = 65536 }),
      ("-b 0x80000000", receive { $0.target.binding.rxPageSize = 1 << 31 }),
      ("-a 0", receive { $0.target.binding.autorelease = false }),
      ("--autorelease=1", receive { $0.target.binding.autorelease = true }),
      ("--autorelease-attribute 6", receive { $0.target.binding.autoreleaseAttribute = 6 }),
      ("-U 1", receive { $0.unbinding = .beforeReceive }),
      ("--unbind 2", receive { $0.unbinding = .afterReceive }),
      ("-U0", receive { $0.unbinding = .afterStream }),
      ("--memory-size 64M", receive { $0.target.memory.byteCount = 64 << 20 }),
      ("--memory-size 1g", receive { $0.target.memory.byteCount = 1 << 30 }),
      ("--memory-s 1", receive { $0.target.memory.byteCount = 1 }),
      (
        "-v 7 --validate-every 100",
        receive {
          $0.checks.pattern = Pattern(period: 7)
          $0.checks.interval = 100
        }
      ),
      ("--allow-plain", receive { $0.checks.allowsPlain = true }),
      ("--busy-poll 50", receive { $0.busyPoll = .microseconds(50) }),
      ("--expect-bytes 0", receive { $0.checks.expectedByteCount = 0 }),
      ("--expect-bytes 9223372036854775807", receive { $0.checks.expectedByteCount = .max }),
      ("--timeout 5", receive { $0.timeout = .seconds(5) }),
      ("--timeout 0", receive { $0.timeout = nil }),
      ("--trace", receive { $0.output.traces = true }),
      ("--json", receive { $0.output.reportsJSON = true }),
    ])
  func understandsReceiveOptions(line: String, expected: Configuration.Receive) throws {
    #expect(
      try Configuration("-l -f eth0 -s 192.0.2.1 -p 5201 " + line) == .receive(expected))
  }

  @Test(
    "each option of a sending run has its effect",
    arguments: [
      ("-c 192.0.2.7", send { $0.source = IPAddress("192.0.2.7") }),
      ("--mss 32767", send { $0.tcp.segmentSize = 32767 }),
      ("--tcp-congestion cubic", send { $0.tcp.congestionControl = "cubic" }),
      ("--chunk 4K", send { $0.chunkSize = 4096 }),
      ("--memory-size 8192", send { $0.memory.byteCount = 8192 }),
      ("--memory heap:system", send { $0.memory.kind = .heap("system") }),
      ("--timeout 2147483", send { $0.timeout = .seconds(2_147_483) }),
      ("--trace", send { $0.output.traces = true }),
      ("--json", send { $0.output.reportsJSON = true }),
    ])
  func understandsSendOptions(line: String, expected: Configuration.Send) throws {
    #expect(try Configuration("-f eth0 -s 192.0.2.1 -p 5201 " + line) == .send(expected))
  }

  @Test(
    "a host's name is looked up, for an address that goes with the other one's",
    arguments: [
      ("-s here", "192.0.2.1", nil), ("-s here -c 192.0.2.7", "192.0.2.1", "192.0.2.7"),
      ("-s here -c ::7", "2001:db8::1", "::7"), ("-s ::1 -c there", "::1", "2001:db8::7"),
      ("-s here -c there", "192.0.2.1", "192.0.2.7"),
    ])
  func looksUp(line: String, address: String, peer: String?) throws {
    func lookUp(_ name: String, _ family: IPAddress.Family?) throws(Failure) -> IPAddress {
      switch (name, family) {
      case ("here", .v6): IPAddress("2001:db8::1")!
      case ("here", _): IPAddress("192.0.2.1")!
      case ("there", .v4): IPAddress("192.0.2.7")!
      case ("there", .v6): IPAddress("2001:db8::7")!
      default: throw Failure("look up", on: name, reason: "it is not known")
      }
    }
    let words = "-l -f eth0 -p 5201 \(line)".split(separator: " ").map(String.init)
    let expected = receive {
      $0.address = IPAddress(address)!
      $0.peer = peer.map { IPAddress($0)! }
    }
    #expect(try Configuration(words: words, lookingUpBy: lookUp) == .receive(expected))
    let failure = failing { () throws(Failure) in
      try Configuration(words: words + ["-s", "nowhere"], lookingUpBy: lookUp)
    }
    #expect(failure?.description.contains("look up nowhere: it is not known") == true)
    #expect(failure?.kind == .failed)
  }

  @Test("a mistake is found before a name is looked up")
  func looksUpLast() throws {
    func lookUp(_: String, _: IPAddress.Family?) throws(Failure) -> IPAddress {
      throw Failure("look up", reason: "that was too early")
    }
    for line in [
      "-s here --validate-every 3 -p 1", "-s here", "-s here -p 1 --flows 1 --threads 2",
    ] {
      let words = "-l -f eth0 \(line)".split(separator: " ").map(String.init)
      let failure = failing { () throws(Failure) in
        try Configuration(words: words, lookingUpBy: lookUp)
      }
      #expect(failure?.kind == .usage)
    }
  }

  @Test("a receiver that connects says what the end that listens is to send")
  func reverses() throws {
    let line = "-f eth0 -s 192.0.2.1 -p 5201 -R --flows 2 --control 5202 "
    var run = Configuration.Receive(
      Configuration.Target(interface: "eth0"), address: IPAddress("192.0.2.1")!, port: 5201)
    run.measurement = MeasurementOptions(flows: 2)
    run.measurement?.controlPort = 5202
    run.measurement?.duration = .seconds(10)
    run.request = Configuration.Request()
    #expect(try Configuration(line) == .receive(run))
    run.measurement?.duration = nil
    run.checks.pattern = Pattern(period: 9)
    run.request?.load.pattern = Pattern(period: 9)!
    run.request?.load.bytesPerFlow = 4096
    run.request?.load.bitsPerSecond = 2000
    run.request?.load.usesHostMemory = true
    run.request?.chunkSize = 100
    #expect(
      try Configuration(line + "-v 9 --bytes 4K --rate 2K --host-memory -z 100") == .receive(run))
  }

  @Test("exchanges have their sizes, at either kind of end that connects")
  func exchanges() throws {
    let line = "-f eth0 -s 192.0.2.1 -p 5201 --flows 2 --control 5202 --latency "
    guard case .send(let plain) = try Configuration(line),
      case .send(let sized) = try Configuration(line + "--request 1K --response 1"),
      case .receive(let reversed) = try Configuration(line + "-R --response 9")
    else {
      Issue.record("other runs")
      return
    }
    #expect(plain.measurement?.exchange == Exchange(request: 64, response: 64))
    #expect(plain.measurement?.duration == .seconds(10))
    #expect(sized.measurement?.exchange == Exchange(request: 1024, response: 1))
    #expect(reversed.measurement?.exchange == Exchange(request: 64, response: 9))
  }

  @Test("an end that sends and receives says what both ends are to send, and with what")
  func sendsBothWays() throws {
    let line = "-f eth0 -s 192.0.2.1 -p 5201 --bidir --flows 2 --control 5202 "
    var run = Configuration.Receive(
      Configuration.Target(interface: "eth0"), address: IPAddress("192.0.2.1")!, port: 5201)
    run.measurement = MeasurementOptions(flows: 2)
    run.measurement?.controlPort = 5202
    run.measurement?.duration = .seconds(10)
    run.request = Configuration.Request(isMutual: true)
    #expect(try Configuration(line) == .receive(run))
    run.request?.load.pattern = Pattern(period: 9)!
    run.tcp.congestionControl = "reno"
    #expect(try Configuration(line + "--pattern 9 --tcp-congestion reno") == .receive(run))
    run.checks.pattern = Pattern(period: 9)
    #expect(try Configuration(line + "-v 9 --pattern 9 --tcp-congestion reno") == .receive(run))
  }

  @Test("a receiving measurement has flows, threads, CPUs and more")
  func understandsReceivingMeasurement() throws {
    let line = "-l -f eth0 -s 192.0.2.1 -p 5201 "
    var measurement = MeasurementOptions(flows: 4)
    #expect(
      try Configuration(line + "--flows 4 -v 7")
        == .receive(
          receive {
            $0.checks.pattern = Pattern(period: 7)
            $0.measurement = measurement
          }))
    measurement.threads = 2
    measurement.cpus = CPUList("3,1")
    measurement.duration = .seconds(10)
    measurement.interval = .zero
    measurement.omitted = .seconds(2)
    measurement.controlPort = 5202
    #expect(
      try Configuration(
        line
          + "--flows 4 --threads 2 --cpus 3,1 --duration 10 --omit 2 --interval 0 --control 5202")
        == .receive(receive { $0.measurement = measurement }))
    measurement = MeasurementOptions()
    measurement.controlPort = 5202
    #expect(
      try Configuration(line + "--control 5202")
        == .receive(receive { $0.measurement = measurement }))
  }

  @Test("a sending measurement has a load, and lasts ten seconds by default")
  func understandsSendingMeasurement() throws {
    let line = "-f eth0 -s 192.0.2.1 -p 5201 --flows 2 "
    var measurement = MeasurementOptions(flows: 2)
    measurement.duration = .seconds(10)
    #expect(try Configuration(line) == .send(send { $0.measurement = measurement }))
    measurement.duration = nil
    let options = "--bytes 1G --pattern 251 --rate 2.5G --host-memory"
    #expect(throws: Failure.self) { try Configuration(line + options) }
    #expect(
      try Configuration(line + "--bytes 1G --pattern 251 --rate 25M --host-memory")
        == .send(
          send {
            $0.measurement = measurement
            $0.load.bytesPerFlow = 1 << 30
            $0.load.pattern = Pattern(period: 251)!
            $0.load.bitsPerSecond = 25_000_000
            $0.engine = .socket
            $0.load.usesHostMemory = true
          }))
  }

  @Test(
    "sockets receive through any queue unless some are named, and then leave the NIC alone",
    arguments: [Engine.socket, .zerocopySocket])
  func understandsEngine(engine: Engine) throws {
    let line = "-l -f eth0 -s 192.0.2.1 -p 5201 --engine \(engine.name)"
    #expect(
      try Configuration(line)
        == .receive(
          receive {
            $0.target.engine = engine
            $0.configuresNIC = false
          }))
    #expect(
      try Configuration(line + " -t 1 -q 2")
        == .receive(
          receive {
            $0.target.engine = engine
            $0.target.queues = 1..<3
          }))
    #expect(
      try Configuration("-f eth0 -s 192.0.2.1 -p 5201 --engine \(engine.name)")
        == .send(
          send {
            $0.engine = engine
            $0.load.usesHostMemory = true
          }))
  }

  @Test("a ring's memory is pages unless it is chosen, for a run as for a check")
  func understandsRings() throws {
    let line = "-l -f eth0 -s 192.0.2.1 -p 5201 --engine zcrx"
    for (option, kind) in [
      ("", MemoryKind.host(nil)), (" --memory host:huge=2M", .host(.huge2MiB)),
      (" --memory udmabuf", .udmabuf(nil)),
    ] {
      #expect(
        try Configuration(line + option)
          == .receive(
            receive {
              $0.target.engine = .zcrx
              $0.target.memory.kind = kind
            }))
    }
    guard case .check(let check) = try Configuration("--check -f eth0 --engine zcrx") else {
      Issue.record("not a check")
      return
    }
    #expect(check.target.memory.kind == .host(nil))
  }

  @Test(
    "a ring only receives, and pages are for rings only",
    arguments: [
      ("-f eth0 -s 192.0.2.1 -p 5201 --engine zcrx", "--engine zcrx: only receives"),
      ("-l -f eth0 -s 192.0.2.1 -p 5201 --memory host", "--memory host: needs --engine zcrx"),
    ])
  func refusesRings(line: String, words: String) {
    let failure = failing { () throws(Failure) in try Configuration(line) }
    #expect(failure?.kind == .usage)
    #expect(failure?.line == words)
  }

  @Test("what the other end is to send from is not this end's engine's business")
  func leavesPeerItsEngine() throws {
    let line =
      "-f eth0 -s 192.0.2.1 -p 5201 --control 5202 --flows 1 --engine socket --host-memory -z 100 "
    for direction in ["-R", "--bidir"] {
      guard case .receive(let receive) = try Configuration(line + direction) else {
        Issue.record("not receiving")
        return
      }
      #expect(receive.target.engine == .socket)
      #expect(receive.request?.load.usesHostMemory == true)
      #expect(receive.request?.chunkSize == 100)
    }
  }

  @Test("a probe may choose queues, memory and tokens; to report as JSON changes nothing of it")
  func understandsProbeOptions() throws {
    #expect(
      try Configuration("-f eth0 -t 8 -q 8 -a1 --memory-size 4K --json")
        == .probe(
          probe {
            $0.target.queues = 8..<16
            $0.target.binding.autorelease = true
            $0.target.memory.byteCount = 4096
          }))
  }

  @Test(
    "memory is chosen by its kind and what that takes",
    arguments: [
      ("udmabuf", .udmabuf(nil)), ("udmabuf:huge=2M", .udmabuf(.huge2MiB)),
      ("udmabuf:huge=1G", .udmabuf(.huge1GiB)), ("heap:system", .heap("system")),
      ("drm", .drm(.any)), ("drm:vgem", .drm(.driver("vgem"))),
      ("drm:/dev/dri/card1", .drm(.node("/dev/dri/card1"))), ("fd:7", .descriptor(Descriptor(7))),
      ("cuda", .cuda(nil)), ("cuda:1", .cuda(1)),
    ] as [(String, MemoryKind)])
  func choosesMemory(word: String, kind: MemoryKind) throws {
    #expect(
      try Configuration("-f eth0 --memory " + word)
        == .probe(probe { $0.target.memory.kind = kind }))
  }

  @Test("a check may choose as the run that it looks ahead to, and try it")
  func understandsCheckOptions() throws {
    #expect(try Configuration("-f eth0 --check") == .check(.init(.init(interface: "eth0"))))
    var check = Configuration.Check(.init(interface: "eth0"))
    check.target.queues = 2..<4
    check.target.binding.rxPageSize = 16384
    check.target.binding.autorelease = false
    check.probes = true
    check.format = .json
    #expect(
      try Configuration("--check --probe -f eth0 -t 2 -q 2 -b 16K -a 0 --json") == .check(check))
    #expect(try Configuration("-f eth0 --probe") == .probe(probe()))
  }

  @Test(
    "a check reports in one format",
    arguments: [
      ("", .text), ("--format text", .text), ("--format ktap", .ktap), ("--format json", .json),
      ("--json", .json), ("--json --format json", .json), ("--format ktap --format text", .text),
    ] as [(String, Configuration.Check.Format)])
  func understandsFormats(options: String, format: Configuration.Check.Format) throws {
    #expect(
      try Configuration("--check -f eth0 " + options)
        == .check(.init(.init(interface: "eth0"), format: format)))
  }

  @Test(
    "a probe and a check take several interfaces; one that is given twice is one",
    arguments: [
      ("-f eth0 -f eth1", .named(["eth0", "eth1"])),
      ("-f eth1 --interface=eth0 -f eth1", .named(["eth1", "eth0"])),
      ("-f eth0 -f eth0", nil), ("-f eth0,eth1", nil), ("-f all", nil), ("--all", .all),
    ] as [(String, Configuration.Several?)])
  func understandsSeveral(words: String, several: Configuration.Several?) throws {
    let only = words.split(separator: " ").last.map(String.init)!
    let target = Configuration.Target(interface: several == nil ? only : "")
    #expect(try Configuration(words) == .probe(.init(target, several: several)))
    #expect(
      try Configuration(words + " --check --probe")
        == .check(.init(target, several: several, probes: true)))
  }

  @Test("a link-local address without a scope is the interface's")
  func addsScope() throws {
    let line = "-l -f eth0 -p 5201 -c fe80::2 -s fe80::1"
    let expected = receive {
      $0.address = IPAddress("fe80::1%eth0")!
      $0.peer = IPAddress("fe80::2%eth0")
    }
    #expect(try Configuration(line) == .receive(expected))
    #expect(try Configuration(line + "%eth0") == .receive(expected))
  }

  @Test(
    "help and version are answered whatever comes after them",
    arguments: [
      ("--help", Configuration.help), ("-h", .help), ("-lh --nonsense", .help),
      ("--version -p 0", .version), ("-p 5 --help", .help),
    ])
  func answers(line: String, expected: Configuration) throws {
    #expect(try Configuration(line) == expected)
  }
}

extension Configuration {
  /// Reads a command line whose words hold no spaces.
  init(_ line: String) throws(Failure) {
    try self.init(words: line.split(separator: " ").map(String.init))
  }
}

private func probe(
  _ change: (inout Configuration.Probe) -> Void = { _ in }
) -> Configuration.Probe {
  var probe = Configuration.Probe(.init(interface: "eth0"))
  change(&probe)
  return probe
}

/// What `-l -f eth0 -s 192.0.2.1 -p 5201` asks for, changed.
private func receive(
  _ change: (inout Configuration.Receive) -> Void = { _ in }
) -> Configuration.Receive {
  var receive = Configuration.Receive(
    .init(interface: "eth0"), address: IPAddress("192.0.2.1")!, port: 5201)
  change(&receive)
  return receive
}

/// What `-f eth0 -s 192.0.2.1 -p 5201` asks for, changed.
private func send(_ change: (inout Configuration.Send) -> Void = { _ in }) -> Configuration.Send {
  var send = Configuration.Send(
    interface: "eth0", address: IPAddress("192.0.2.1")!, port: 5201)
  change(&send)
  return send
}
