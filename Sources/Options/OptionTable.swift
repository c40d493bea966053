// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Measurement
internal import Netdev
internal import Payload
internal import Sockets
internal import Transfer

extension Option {
  /// Options that the help shows together.
  package struct Group: Sendable {
    /// The heading.
    package let title: String
    /// The options, in the help's order.
    package let options: [Option]
  }

  /// All options, in the help's order. `getopt_long`, the help, the man page and the completions of
  /// shells take them from here.
  package static let groups = [connection, interface, memory, preflight, measuring, output]

  /// All options without their groups, in that order.
  package static let all = groups.flatMap(\.options)

  private static let connection = Group(
    title: "Connection",
    options: [
      Option(
        "l", "listen", .receive, "wait for a connection and receive", \.listens),
      Option(
        "s", "server", "ADDR", .transfer, "the address or name to listen at, or to connect to",
        \.server,
        host),
      Option("p", "port", "PORT", .transfer, "the TCP port, 1 to 65535", \.port, port),
      Option(
        "c", "client", "ADDR", .transfer,
        """
        the sender's address; the sender's port is then PORT, too. When receiving, only its \
        connection is steered to the queues, and others are closed
        """, \.client, host),
      Option(
        nil, "mss", "BYTES", .transfer,
        "send, and ask for, segments of no more payload than this (TCP_MAXSEG)",
        \.tcp.segmentSize, segmentSize),
      Option(
        nil, "tcp-congestion", "NAME", [.send, .request],
        "the congestion control to send with, such as cubic (TCP_CONGESTION)",
        \.tcp.congestionControl, congestionControl),
      Option(
        nil, "timeout", "SECONDS", .transfer,
        "how long to wait for the peer each time; 0: for ever (default: 300)", \.timeout, timeout),
    ])

  private static let interface = Group(
    title: "Interface",
    options: [
      Option(
        "f", "interface", "IFACE", [.any, .restore],
        """
        the network interface, by any of its names; a probe and a check take several, each by \
        its own -f
        """, addingTo: \.interfaces, interfaceName),
      Option(
        nil, "all", [.check, .probe],
        "instead of -f: every interface of this network namespace that has a device",
        \.takesAll),
      Option(
        "t", "first-queue", "N", .any, "the first RX queue to bind (default: the last)",
        \.firstQueue, queueIndex),
      Option(
        "q", "queues", "N", .any, "how many RX queues to bind; with -t", \.queueCount, queueCount),
      Option(
        "n", "no-nic-config", .transfer, "leave header split, RSS and flow rules alone",
        \.receive.configuresNIC, to: false),
      Option(
        nil, "restore", .restore,
        """
        undo the changes of a run that was killed together with its guard; without -f, on all \
        interfaces
        """, \.restores),
      Option(
        nil, "force", .restore,
        "with --restore: report what cannot be undone, and forget it", \.forces),
    ])

  private static let memory = Group(
    title: "Engine and device memory",
    options: [
      Option(
        nil, "engine", "NAME", [.check, .transfer],
        """
        what the payload comes or goes by: devmem (the default), zcrx (io_uring's zero-copy \
        receive), socket (the kernel copies), socket:zerocopy (it shows received pages, and \
        sends from the run's memory)
        """, \.target.engine, engine),
      Option(
        nil, "memory", "KIND[:ARG]", .any,
        """
        source of the device memory: udmabuf[:huge=2M|1G] (the default), heap:NAME, \
        drm[:NODE|DRIVER], fd:N (a dma-buf that the parent left open), cuda[:GPU], \
        host[:huge=2M|1G] (pages, with --engine zcrx the default)
        """, \.target.memory.kind, memoryKind
      ).only(.devmem, .zcrx),
      Option(
        nil, "memory-size", "SIZE", .any, "how much device memory to bind (default: 16000 pages)",
        \.target.memory.byteCount, memorySize
      ).only(.devmem, .zcrx),
      Option(
        "b", "rx-page-size", "SIZE", .bind,
        "size of the NIC's RX buffers: a power of two, at least a page",
        \.target.binding.rxPageSize, rxPageSize
      ).only(.devmem, .zcrx),
      Option(
        "a", "autorelease", "0|1", .bind,
        "whether closing a socket returns its tokens (default: the kernel's choice)",
        \.target.binding.autorelease, autorelease
      ).only(.devmem),
      Option(
        nil, "autorelease-attribute", "N", .bind,
        "the number of the kernel's autorelease attribute (default: ask the kernel)",
        \.target.binding.autoreleaseAttribute, attribute
      ).only(.devmem),
      Option(
        "U", "unbind", "0|1|2", .receiveStream,
        """
        when to unbind: after the stream (0, default), before the first payload (1), after it \
        (2); 1 and 2 exercise the kernel's teardown
        """, \.receive.unbinding, unbinding
      ).only(.devmem),
      Option(
        nil, "busy-poll", "USEC", .receive,
        "how long a receive polls the NIC's queue for packets (SO_BUSY_POLL)",
        \.receive.busyPoll, microseconds),
      Option(
        "z", "chunk", "SIZE", [.send, .request], "split each send into pieces of this size",
        \.send.chunkSize,
        chunkSize
      ).only(.devmem),
    ])

  private static let preflight = Group(
    title: "Pre-flight",
    options: [
      Option(
        nil, "check", .check, "report what a run on the interface would lack, and change nothing",
        \.checks),
      Option(
        nil, "probe", [.check, .probe], "with --check: try a bind as well, and undo it", \.probes
      ).only(.devmem),
      Option(
        nil, "format", "text|json|ktap", .check,
        """
        with --check: how to report: for people (the default), as with --json, or as a test of \
        the kernel does
        """, \.format, format),
    ])

  private static let measuring = Group(
    title: "Measuring",
    options: [
      Option(
        nil, "flows", "N", .transfer,
        """
        measure with N connections, 1 to \(MeasurementOptions.flowLimit), each with a \
        stream of its own: the receiver checks it (-v) or drops it, the sender sends a pattern
        """, \.measurement.flows, flowCount),
      Option(
        nil, "duration", "SECONDS", .measure, "end after this time (default when sending: 10)",
        \.measurement.duration, duration),
      Option(
        nil, "omit", "SECONDS", .measure,
        """
        leave out this much of the start, as a warm-up: it comes before --duration, and the \
        figures are without it (default: 0, or what the paired sender says)
        """, \.measurement.omitted, interval),
      Option(
        nil, "interval", "SECONDS", .measure,
        "how often to report; 0: only at the end (default: 1)", \.measurement.interval,
        interval),
      Option(
        nil, "control", "PORT", .measure,
        """
        agree with the peer over a separate connection, and exchange figures; the receiver \
        then needs no --flows
        """, \.measurement.controlPort, port),
      Option(
        "R", "reverse", .request,
        """
        have the end that listens send, and receive its flows here; without -l, with --control \
        and --flows
        """, \.reverses),
      Option(
        nil, "bidir", .request,
        """
        have both ends send that many flows to each other at once; without -l, with --control and \
        --flows
        """, \.sendsBothWays),
      Option(
        nil, "latency", [.sendFlows, .request],
        """
        exchange messages instead of sending streams, one at a time in each flow, and report how \
        long that takes; with --control
        """, \.measuresLatency),
      Option(
        nil, "request", "SIZE", [.sendFlows, .request],
        "with --latency: the size of what this end asks (default: \(Exchange.defaultSize))",
        \.requestSize, messageSize),
      Option(
        nil, "response", "SIZE", [.sendFlows, .request],
        "with --latency: the size of what the other end answers (default: \(Exchange.defaultSize))",
        \.responseSize, messageSize),
      Option(
        nil, "threads", "N", [.receiveFlows, .request],
        "share the flows among N threads (default: as many as CPUs, at most one each)",
        \.measurement.threads,
        threadCount
      ).only(.devmem, .socket, .zerocopySocket),
      Option(
        nil, "cpus", "LIST", .measure,
        """
        pin the threads to these CPUs in turn, such as 0-3,8 (default when receiving: near the \
        NIC, away from the CPUs that its interrupts use)
        """, \.measurement.cpus, cpuList),
      Option(
        nil, "bytes", "SIZE", [.sendFlows, .request], "end each flow after this many bytes",
        \.send.load.bytesPerFlow, flowLength),
      Option(
        nil, "pattern", "N", [.sendFlows, .request],
        "send the pattern that -v N expects (default: 7)",
        \.send.load.pattern, pattern),
      Option(
        nil, "rate", "BITS", [.sendFlows, .request],
        "limit each flow to this many bits a second; K, M, G are powers of 1000",
        \.send.load.bitsPerSecond, bitRate),
      Option(
        nil, "host-memory", [.sendFlows, .request], "send from host memory, not device memory",
        \.send.load.usesHostMemory
      ).only(.devmem),
    ])

  private static let output = Group(
    title: "Verdict and output",
    options: [
      Option(
        "v", "validate", "N", .receive,
        """
        expect bytes 1 to N-1 and a newline, repeated; N from \
        \(Pattern.periods.lowerBound) to \(Pattern.periods.upperBound); without -v, write the \
        stream to standard output
        """, \.receive.checks.pattern, pattern),
      Option(
        nil, "validate-every", "N", .receive,
        "with -v, check the first of every N fragments (default: 1, all)",
        \.receive.checks.interval, validationInterval),
      Option(
        nil, "expect-bytes", "SIZE", .receive, "fail unless the stream has this length",
        \.receive.checks.expectedByteCount, byteCount),
      Option(
        nil, "allow-plain", .receive,
        "pass although some payload came outside of device memory, in frames left whole",
        \.receive.checks.allowsPlain
      ).only(.devmem, .zcrx),
      Option(
        "L", "fail-on-linear", .receive,
        "fail at the first payload in host memory, in a frame split wrongly or left whole",
        \.receive.checks.failsOnLinear
      ).only(.devmem, .zcrx),
      Option(
        nil, "json", [.any, .restore], "print one JSON document, whatever the run ends with",
        \.output.reportsJSON),
      Option(
        nil, "json-stream", .measure,
        "print JSON while measuring, an object a line: start, each interval, end",
        \.output.streamsJSON),
      Option(
        nil, "quiet", [.any, .restore],
        "print what is wrong and what was asked for, and nothing else", \.isQuiet),
      Option(
        nil, "trace", .single, "print each received fragment on standard error", \.output.traces
      ).only(.devmem, .zcrx),
      Option("h", "help", "print the options and exit", answers: .help),
      Option(nil, "version", "print the version and what it can do, and exit", answers: .version),
    ])
}
