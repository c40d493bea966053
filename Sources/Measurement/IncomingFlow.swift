// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Netdev
package import Payload
package import Sockets
internal import Transfer

/// One of several streams that are received at once.
package final class IncomingFlow {
  /// Counted from 0, in the order of the connections.
  package let index: Int
  /// Where it comes from.
  package let connection: Connection
  /// The port of the end that has connected, by which both ends know the flow.
  package let port: UInt16?
  /// Its figures for other threads.
  package let counters = FlowCounters()
  /// The CPU on which the kernel took the connection's first packets, where the kernel knows it.
  package let firstCPU: Int?
  private var loop: FlowLoop
  /// Whether something may wait to be received.
  private(set) var isReady = true
  private(set) var isAtEnd = false
  /// Whether the NIC wrote payload into the memory; `nil` where that is not known.
  package private(set) var wroteMemory: Bool?
  private var witness: WriteWitness?
  private var exchange: IncomingExchange?
  /// How long exchanges took; `nil` where this end does not ask.
  package var latencies: LatencyHistogram? { exchange?.latencies }

  /// Calls of `recvmsg` for one flow before it is another one's turn.
  private static let callsPerTurn = 16

  /// - Parameters:
  ///   - method: What receives it.
  ///   - pattern: What to compare the payload with; `nil` to drop it.
  ///   - interval: Of how many pieces the first one is compared.
  ///   - comparison: What compares it, if that is not the CPU.
  ///   - hasConnected: Whether this end has connected, not the sender.
  ///   - exchange: This end's part in exchanges; `nil` to receive a stream.
  package init(
    _ index: Int, over connection: consuming Connection, hasConnected: Bool = false,
    by method: FlowMethod, checking pattern: Pattern?, every interval: Int,
    comparedBy comparison: consuming GPUComparison? = nil, in exchange: ExchangePart? = nil
  ) throws(Failure) {
    self.index = index
    loop = try FlowLoop(
      by: method, checking: pattern, every: interval, by: comparison, from: connection,
      waitsForBatches: exchange == nil
    ) { Diagnostics.print("flow \(index): \($0)") }
    do throws(Errno) {
      firstCPU = try connection.incomingCPU()
      if exchange != nil { try connection.sendAtOnce() }
      port = hasConnected ? try connection.localPort() : connection.peer?.port
    } catch {
      throw Failure("ask for a connection's CPU and port", errno: error)
    }
    self.connection = connection
    self.exchange = exchange.map { IncomingExchange($0, of: index) }
  }

  /// Asks for the first message, if this end is the one that asks.
  func begin(_ wait: Wait) throws(Failure) {
    try exchange?.begin(over: connection, wait)
  }

  /// The figures of the flow so far; for its own thread, and after that.
  package var figures: FlowFigures { loop.figures }

  /// What is known of the flow at its end.
  ///
  /// - Parameter queues: The RX queues, to find the one that the flow came through.
  package func description(
    among queues: [QueueState]
  ) throws(Failure) -> MeasurementReport.Flow {
    let information = try attempt("read the state of flow", on: "\(index)") {
      () throws(Errno) in
      try connection.information()
    }
    return MeasurementReport.Flow(
      index, figures, information,
      // A rule of its own, or an interrupt that was moved, may have led it elsewhere since.
      .received(
        from: connection.peer, port: port, queue: queue(among: queues),
        cpu: (try? connection.incomingCPU()) ?? nil),
      wroteMemory: wroteMemory, latencies: latencies)
  }

  /// The RX queue that the flow's last packet came through; `nil` where it is not known.
  package func queue(among queues: [QueueState]) -> UInt32? {
    queues.receiveQueue(servedBy: (try? connection.incomingNAPI()) ?? nil)
  }

  /// Whether payload came so fast that a batch of it is worth a short wait.
  var isRunning: Bool { !isAtEnd && loop.isRunning }

  /// Takes what waits, for a turn.
  ///
  /// - Parameter engine: What its thread receives by.
  func serve(
    by engine: inout some FlowEngine & ~Copyable, _ wait: Wait
  ) throws(Failure) {
    for _ in 0..<Self.callsPerTurn {
      let progress = try engine.step(&loop, from: connection)
      counters.publish(figures)
      if let finding = witness?.finding { try conclude(finding) }
      try exchange?.advance(to: figures.bytes, over: connection, wait)
      guard case .more = progress else {
        isReady = false
        if case .endOfStream = progress { isAtEnd = true }
        return
      }
    }
  }

  /// Has the first fragments looked at, if it is known what was in the memory before.
  func watchWrites(to memory: SharedMemory) {
    guard let filling = memory.filling else { return }
    witness = WriteWitness(of: filling)
    loop.trace { [unowned self] fragment, _ in witness?.look(at: fragment, in: memory.buffer) }
  }

  private func conclude(_ finding: Result<Bool, Failure>) throws(Failure) {
    witness = nil
    loop.trace(by: nil)
    wroteMemory = try finding.get()
  }

  /// Notes that there is something to receive.
  func wake() { isReady = !isAtEnd }

  /// Notes that no batch came within `ReceivePace.batchWait`: the next wait is for less.
  func expectLess() {
    guard isRunning else { return }
    loop.expectLess()
    isReady = true
  }

  /// Returns the tokens that the flow still holds, as far as the kernel takes them. A failure here
  /// is not reported: an earlier one is.
  func settle() {
    loop.settle(with: connection)
    counters.publish(figures)
  }
}
