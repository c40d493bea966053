// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Netdev
internal import Options
internal import Payload
internal import Sockets

/// One stream, from the connection to the verdict.
struct IncomingStream {
  let configuration: Configuration.Receive
  let bindingID: UInt32
  let tokenMode: TokenMode

  /// Receives the stream, reports it and judges it.
  ///
  /// - Parameter binding: Ended here if the command line wants it ended before the stream is.
  /// - Throws: What failed, or why the stream is not what was expected.
  func receive(
    from connection: borrowing Connection, in memory: borrowing DeviceBuffer,
    through binding: inout ReceiveBinding?, orStoppedBy stop: CInt
  ) throws(Failure) -> ReceiveLoop.End {
    guard let pattern = configuration.checks.pattern else {
      let output = StandardOutput()
      return try receive(
        from: connection, in: memory, through: &binding,
        into: OutputSink(to: output.rawDescriptor, orStoppedBy: stop), orStoppedBy: stop)
    }
    return try receive(
      from: connection, in: memory, through: &binding,
      into: ValidatingSink(pattern, every: configuration.checks.interval) {
        Diagnostics.print($0)
      }, orStoppedBy: stop)
  }

  private func receive<Sink: PayloadSink & ~Copyable>(
    from connection: borrowing Connection, in memory: borrowing DeviceBuffer,
    through binding: inout ReceiveBinding?, into sink: consuming Sink, orStoppedBy stop: CInt
  ) throws(Failure) -> ReceiveLoop.End {
    var loop = ReceiveLoop(
      binding: bindingID, failsOnLinear: configuration.checks.failsOnLinear,
      idleLimit: configuration.timeout.map(\.wholeSeconds),
      tracesFragments: configuration.output.traces)
    let start = Instant.now
    let cpu = CPUTime.now
    let result: Result<ReceiveLoop.End, Failure>
    do throws(Failure) {
      result = .success(
        try run(
          &loop, from: connection, in: memory, through: &binding, into: &sink, orStoppedBy: stop))
    } catch {
      result = .failure(error)
    }
    let summary = ReceiveSummary(
      statistics: loop.statistics, checkedBytes: sink.checkedByteCount,
      wrongBytes: sink.wrongByteCount, seconds: Instant.now.seconds(since: start),
      cpu: CPUTime.now.since(cpu))
    report(summary)
    if isExpectedRefusal(result, after: summary) { return .endOfStream }
    let end = try result.get()
    if end == .endOfStream { try judge(summary) }
    return end
  }

  /// Runs the loop, and unbinds where the command line says.
  private func run<Sink: PayloadSink & ~Copyable>(
    _ loop: inout ReceiveLoop, from connection: borrowing Connection,
    in memory: borrowing DeviceBuffer, through binding: inout ReceiveBinding?,
    into sink: inout Sink, orStoppedBy stop: CInt
  ) throws(Failure) -> ReceiveLoop.End {
    switch configuration.unbinding {
    case .afterStream: break
    case .beforeReceive:
      let deadline = configuration.timeout.deadline
      let readiness = try attempt("wait for data") { () throws(Errno) in
        try waitUntilReady(connection.rawDescriptor, until: deadline, orStoppedBy: stop)
      }
      switch readiness {
      case .ready: binding = nil
      case .stopped: return .stopped
      case .timedOut: throw Failure("wait for data", errno: .timedOut)
      }
    case .afterReceive:
      let end = try loop.run(
        from: connection, in: memory, into: &sink, pausing: true, orStoppedBy: stop)
      guard end == .paused else { return end }
      binding = nil
    }
    return try loop.run(from: connection, in: memory, into: &sink, orStoppedBy: stop)
  }

  /// In manual mode a socket that has received nothing before the unbind is to be refused: there is
  /// no binding left that could keep its tokens.
  private var mustBeRefused: Bool {
    configuration.unbinding == .beforeReceive && tokenMode == .manual
  }

  private func isExpectedRefusal(
    _ result: Result<ReceiveLoop.End, Failure>, after summary: ReceiveSummary
  ) -> Bool {
    guard mustBeRefused, case .failure(let failure) = result else { return false }
    return failure.errno == .noDevice && summary.statistics.totalBytes == 0
  }

  private func report(_ summary: ReceiveSummary) {
    Diagnostics.print("total_received=\(summary.statistics.totalBytes)")
    Diagnostics.print(summary.text)
    guard configuration.output.reportsJSON else { return }
    // Without a pattern the standard output is the payload's.
    if configuration.checks.pattern == nil {
      Diagnostics.print(summary.json)
    } else {
      print(summary.json)
    }
  }

  /// Says whether a stream that came to its end is what was expected.
  private func judge(_ summary: ReceiveSummary) throws(Failure) {
    let total = summary.statistics.totalBytes
    if mustBeRefused, total > 0 {
      throw Failure(
        "accept the stream", reason: "\(total) bytes came although their binding was gone")
    }
    if let wrong = summary.wrongBytes, wrong > 0 {
      throw Failure("validate the payload", reason: "\(wrong) of \(total) bytes are wrong")
    }
    if let expected = configuration.checks.expectedByteCount, total != expected {
      throw Failure("accept the stream", reason: "\(total) bytes, not \(expected) (--expect-bytes)")
    }
    if configuration.checks.pattern != nil, total == 0 {
      throw Failure("validate the payload", reason: "no payload was received")
    }
    if total > 0, summary.statistics.plainBytes == total {
      throw Failure(
        "accept the stream", reason: "none of its \(total) bytes came through device memory",
        hint: "the flow is not steered to the bound queues")
    }
    if configuration.checks.pattern != nil, !configuration.output.reportsJSON {
      print("Validated buffer")
    }
  }
}
