// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets
package import Transfer

/// One of several streams that are sent at once, and the worker that sends it.
@safe package final class OutgoingFlow: FlowWorker, @unchecked Sendable {
  /// Counted from 0, in the order of the connections.
  package let index: Int
  /// The CPU to be pinned to; none if `nil`.
  package let cpu: Int?
  /// Where it goes.
  package let destination: SendDestination
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
  ///   - copying: Whether the kernel copies what is sent from host memory.
  ///   - duration: How long to send; `nil` for as long as `load` says.
  ///   - cpu: Where the worker runs; anywhere if `nil`.
  ///   - wasConnected: Whether the receiver has connected, not this end.
  ///   - exchange: This end's part in exchanges; `nil` to send a stream.
  package init(
    _ index: Int, over connection: consuming Connection, wasConnected: Bool = false,
    by loop: consuming SendLoop, from memory: PatternMemory, _ load: Load,
    copying: Bool = true, for duration: Duration?, in exchange: ExchangePart? = nil,
    on cpu: Int?
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
    destination = SendDestination(over: connection, from: memory.host, copying: copying)
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
