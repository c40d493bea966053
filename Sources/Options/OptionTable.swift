// SPDX-License-Identifier: GPL-2.0-only

internal import Payload

extension Option {
  /// Options that the help shows together.
  struct Group: Sendable {
    let title: String
    let options: [Option]
  }

  /// All options. What `getopt_long` is told and what the help says both come from here.
  static let groups = [
    Group(
      title: "Connection",
      options: [
        Option(
          "l", "listen", .receive, "wait for a connection and receive", \.listens),
        Option(
          "s", "server", "ADDR", .transfer, "the address to listen at, or to connect to",
          \.server, address),
        Option("p", "port", "PORT", .transfer, "the TCP port, 1 to 65535", \.port, port),
        Option(
          "c", "client", "ADDR", .transfer,
          """
          the sender's address; its port is PORT as well. When receiving, only its connection is \
          steered to the queues
          """, \.client, address),
        Option(
          nil, "timeout", "SECONDS", .transfer,
          "how long to wait for the peer each time, 0 for ever (default: 300)", \.timeout, timeout),
      ]),
    Group(
      title: "Interface",
      options: [
        Option(
          "f", "interface", "IFACE", [.any, .restore], "the network interface", \.interface,
          interface),
        Option(
          "t", "first-queue", "N", .any, "the first RX queue to bind (default: the last)",
          \.firstQueue, queueIndex),
        Option(
          "q", "queues", "N", .any, "how many RX queues to bind; with -t", \.queueCount, queueCount),
        Option(
          "n", "no-nic-config", .transfer, "leave header split, RSS and flow rules alone",
          \.leavesNIC),
        Option(
          nil, "restore", .restore,
          """
          undo what a run has changed that was killed together with its guard; without -f, on all \
          interfaces
          """, \.restores),
      ]),
    Group(
      title: "Device memory",
      options: [
        Option(
          nil, "memory", "KIND[:ARG]", .any,
          """
          where to take it from: udmabuf[:huge=2M|1G] (the default), heap:NAME, \
          drm[:NODE|DRIVER], fd:N (a dma-buf that the parent left open), cuda[:GPU]
          """, \.memoryKind, memoryKind),
        Option(
          nil, "memory-size", "SIZE", .any, "how much to bind (default: 16000 pages)", \.memorySize,
          memorySize),
        Option(
          "b", "rx-page-size", "SIZE", .bind,
          "of the NIC's buffers: a power of two, at least a page", \.rxPageSize,
          rxPageSize),
        Option(
          "a", "autorelease", "0|1", .bind,
          "whether closing a socket returns its tokens (default: the kernel's)", \.autorelease,
          autorelease),
        Option(
          nil, "autorelease-attribute", "N", .bind,
          "the number of the kernel's autorelease attribute (default: found out)",
          \.autoreleaseAttribute, attribute),
        Option(
          "U", "unbind", "0|1|2", .receive,
          """
          unbind after the stream (0, the default), before the first payload is received (1) or \
          after it (2): tries the kernel's teardown
          """, \.unbinding, unbinding),
        Option(
          nil, "busy-poll", "USEC", .receive,
          "let receiving poll the NIC's queue so long for packets (SO_BUSY_POLL)", \.busyPoll,
          microseconds),
        Option(
          "z", "chunk", "SIZE", .send, "send lines in pieces of this size", \.chunkSize, chunkSize),
      ]),
    Group(
      title: "Pre-flight",
      options: [
        Option(
          nil, "check", .check,
          "tell what a run on the interface would lack, and change nothing", \.checks),
        Option(
          nil, "probe", [.check, .probe], "with --check: try a bind as well, and undo it", \.probes),
      ]),
    Group(
      title: "Measuring",
      options: [
        Option(
          nil, "flows", "N", .transfer,
          """
          measure with so many connections, 1 to \(Configuration.Measurement.flowLimit), each with \
          a stream of its own: what comes is checked (-v) or dropped, what goes is a pattern
          """, \.flows, flowCount),
        Option(
          nil, "duration", "SECONDS", .transfer,
          "end after this time (default when sending: 10)", \.duration, duration),
        Option(
          nil, "interval", "SECONDS", .transfer,
          "report so often, 0 only at the end (default: 1)", \.interval, interval),
        Option(
          nil, "control", "PORT", .transfer,
          """
          agree with the peer over a connection of its own, and exchange figures; the receiver \
          then needs no --flows
          """, \.controlPort, port),
        Option(
          nil, "threads", "N", .receive,
          "share the flows out to so many threads (default: one each)", \.threads, threadCount),
        Option(
          nil, "cpus", "LIST", .transfer,
          """
          pin the threads to these CPUs in turn, such as 0-3,8 (default when receiving: near the \
          NIC, away from the CPUs that its interrupts use)
          """, \.cpus, cpuList),
        Option(
          nil, "bytes", "SIZE", .send, "end each flow after so many bytes", \.bytesPerFlow,
          flowLength),
        Option(
          nil, "pattern", "N", .send, "send the pattern that -v N expects (default: 7)",
          \.payloadPattern, pattern),
        Option(
          nil, "rate", "BITS", .send,
          "at most so many bits a second for each flow; K, M, G are powers of 1000",
          \.bitsPerSecond, bitRate),
        Option(
          nil, "host-memory", .send, "send from host memory, not device memory",
          \.usesHostMemory),
      ]),
    Group(
      title: "Verdict and output",
      options: [
        Option(
          "v", "validate", "N", .receive,
          """
          expect bytes 1 to N-1 and a newline again and again, N from \
          \(Pattern.periods.lowerBound) to \(Pattern.periods.upperBound); without, write the \
          stream to standard output
          """, \.pattern, pattern),
        Option(
          nil, "validate-every", "N", .receive,
          "with -v, check the first of every N fragments (default: 1, all)",
          \.validationInterval, validationInterval),
        Option(
          nil, "expect-bytes", "SIZE", .receive, "fail unless the stream has this length",
          \.expectedByteCount, byteCount),
        Option(
          "L", "fail-on-linear", .receive, "fail if payload arrives outside of device memory",
          \.failsOnLinear),
        Option(nil, "json", .any, "report as JSON", \.reportsJSON),
        Option(nil, "trace", .transfer, "tell of each message on standard error", \.traces),
        Option("h", "help", "print this and exit", answers: .help),
        Option(nil, "version", "print the version and exit", answers: .version),
      ]),
  ]

  /// The same without their groups, in that order.
  static let all = groups.flatMap(\.options)
}
