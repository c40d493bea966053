// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets
package import Transfer

/// The destination of a measured flow. Sends from device memory are not copied; sends from host
/// memory are, so that they are complete at once, wherever the copy then is.
package final class FlowDestination: DevmemDestination {
  /// The connection to the receiver.
  package let connection: Connection
  private let memory: PatternMemory
  private var copied: UInt32 = 0
  private var reported: UInt32 = 0

  init(over connection: consuming Connection, from memory: PatternMemory) {
    self.connection = connection
    self.memory = memory
  }

  package var descriptor: Descriptor { connection.descriptor }

  package func send(
    offset: Int, count: Int, with frame: borrowing SendFrame
  ) throws(Errno) -> Int {
    guard let bytes = memory.hostBytes else {
      return try connection.send(offset: offset, count: count, with: frame)
    }
    let taken = try connection.sendCopy(bytes.span.extracting(offset..<offset + count))
    copied &+= 1
    return taken
  }

  package func takeNotice() throws(Errno) -> SendNotice? {
    guard memory.hostBytes != nil else { return try connection.takeNotice() }
    guard reported != copied else { return nil }
    defer { reported = copied }
    return .complete(first: reported, last: copied &- 1, copied: true)
  }

  package func takeError() throws(Errno) -> Errno? { try connection.takeError() }

  package func finishSending() throws(Errno) { try connection.finishSending() }

  package func acknowledgement() throws(Errno) -> Acknowledgement {
    try connection.acknowledgement()
  }

  package func receiveCopy(into bytes: inout MutableRawSpan) throws(Errno) -> Int {
    try connection.receiveCopy(into: &bytes)
  }
}

/// One of several streams that are sent at once, and the worker that sends it.
@safe package final class OutgoingFlow: FlowWorker, @unchecked Sendable {
  /// Counted from 0, in the order of the connections.
  package let index: Int
  /// The CPU to be pinned to; none if `nil`.
  package let cpu: Int?
  /// Where it goes.
  package let destination: FlowDestination
  /// Its figures for other threads.
  package let counters = FlowCounters()
  /// The port of the end that has connected, by which both ends know the flow.
  package let port: UInt16
  /// What is known of the work once the thread has ended.
  package var record = WorkerRecord()
  private let memory: PatternMemory
  private let load: Load
  private let duration: Duration?
  private let exchange: ExchangePart?
  private var loop: SendLoop
  /// What was received last, which nobody reads.
  private var taken: [UInt8] = []
  private var clock: ExchangeClock?
  /// How long exchanges took; `nil` where this end does not ask.
  package var latencies: LatencyHistogram? { clock?.latencies }

  /// - Parameters:
  ///   - loop: What sends, from the binding that the memory has.
  ///   - duration: How long to send; `nil` for as long as `load` says.
  ///   - cpu: Where the worker runs; anywhere if `nil`.
  ///   - wasConnected: Whether the receiver has connected, not this end.
  ///   - exchange: This end's part in exchanges; `nil` to send a stream.
  package init(
    _ index: Int, over connection: consuming Connection, wasConnected: Bool = false,
    by loop: consuming SendLoop, from memory: PatternMemory, _ load: Load,
    for duration: Duration?, in exchange: ExchangePart? = nil, on cpu: Int?
  ) throws(Failure) {
    self.index = index
    self.cpu = cpu
    self.memory = memory
    self.load = load
    self.duration = duration
    self.exchange = exchange
    clock = exchange?.asking.map(ExchangeClock.init)
    if exchange != nil { taken = [UInt8](repeating: 0, count: 16384) }
    self.loop = loop
    do throws(Errno) {
      port = wasConnected ? connection.peer?.port ?? 0 : try connection.localPort()
      if let rate = load.bitsPerSecond { try connection.pace(bytesPerSecond: rate / 8) }
      if exchange != nil { try connection.sendAtOnce() }
    } catch {
      throw Failure("prepare flow", on: "\(index)", errno: error)
    }
    destination = FlowDestination(over: connection, from: memory)
  }

  package var flowIndices: [Int] { [index] }

  /// What its loop has counted so far; for its own thread, and after that.
  package var statistics: SendStatistics { loop.statistics }

  /// The same as figures of a flow.
  package var figures: FlowFigures { FlowFigures(loop.statistics, isPlain: load.usesHostMemory) }

  /// What is known of the flow at its end.
  package func description() throws(Failure) -> MeasurementReport.Flow {
    let information = try attempt("read the state of flow", on: "\(index)") {
      () throws(Errno) in
      try destination.connection.information()
    }
    return MeasurementReport.Flow(
      index, figures, information, .sent(port: port, statistics), latencies: latencies)
  }

  package func work(_ wait: Wait) throws(Failure) {
    defer { counters.publish(figures) }
    if let exchange {
      if exchange.asking != nil {
        try ask(exchange, wait)
      } else {
        try answer(exchange, wait)
      }
      return try loop.finish(to: destination, wait)
    }
    let deadline = duration.map { Instant.now.advanced(by: $0) }
    let pieceSize = pieceSize
    var sent = 0
    while sent < load.bytesPerFlow ?? .max, deadline.map({ $0 > .now }) ?? true {
      let count = min(pieceSize, (load.bytesPerFlow ?? .max) - sent)
      try loop.send(sent % memory.period, count, to: destination, wait)
      sent += count
      counters.publish(figures)
    }
    try loop.finish(to: destination, wait)
  }

  /// Sends requests, each once the last one is answered, for a time.
  private func ask(_ exchange: ExchangePart, _ wait: Wait) throws(Failure) {
    clock?.start()
    repeat {
      try send(exchange.outgoing, wait)
      guard try receive(exchange.incoming, wait) else {
        throw Failure(
          "wait for a response", on: "flow \(index)", errno: .connectionReset,
          reason: "the peer ended the flow", hint: ControlChannel.hint)
      }
    } while clock?.lap() == true
  }

  /// Answers requests until there are no more.
  private func answer(_ exchange: ExchangePart, _ wait: Wait) throws(Failure) {
    while try receive(exchange.incoming, wait) { try send(exchange.outgoing, wait) }
  }

  /// Sends a message, which continues the pattern.
  private func send(_ size: Int, _ wait: Wait) throws(Failure) {
    var left = size
    while left > 0 {
      let count = min(memory.pieceSize, left)
      try loop.send(statistics.bytes % memory.period, count, to: destination, wait)
      left -= count
    }
    counters.publish(figures)
  }

  /// Receives a message, and drops it.
  ///
  /// - Returns: Whether there was one; `false` if the peer has ended the flow.
  private func receive(_ size: Int, _ wait: Wait) throws(Failure) -> Bool {
    var received = 0
    while received < size {
      let count = try loop.receive(into: &taken, from: destination, wait)
      if count == 0, received == 0 { return false }
      received += count
      guard count > 0, received <= size else {
        throw Failure(
          "receive a message", on: "flow \(index)", errno: .protocolError,
          reason: "it has \(count > 0 ? "more" : "less") than \(size) bytes",
          hint: ControlChannel.hint)
      }
    }
    return true
  }

  /// How much to send between two checks of the clock, in bytes: of a paced flow, what goes out in
  /// the twentieth of a second.
  private var pieceSize: Int {
    guard let rate = load.bitsPerSecond else { return memory.pieceSize }
    return min(memory.pieceSize, max(4096, rate / 160))
  }
}
