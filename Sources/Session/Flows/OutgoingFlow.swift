// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Options
internal import Sockets

/// Where a measured flow goes: from device memory as it is, from host memory by copying, so that a
/// send is complete at once.
final class FlowDestination: DevmemDestination {
  let connection: Connection
  private let memory: PatternMemory
  private var sent: UInt32 = 0
  private var told: UInt32 = 0

  init(over connection: consuming Connection, from memory: PatternMemory) {
    self.connection = connection
    self.memory = memory
  }

  var rawDescriptor: CInt { connection.rawDescriptor }

  func send(offset: Int, count: Int, with frame: borrowing SendFrame) throws(Errno) -> Int {
    guard !memory.bytes.isEmpty else {
      return try connection.send(offset: offset, count: count, with: frame)
    }
    let bytes = memory.bytes
    let taken = try connection.sendCopy(bytes.span.extracting(offset..<offset + count))
    sent &+= 1
    return taken
  }

  func takeNotice() throws(Errno) -> SendNotice? {
    guard !memory.bytes.isEmpty else { return try connection.takeNotice() }
    guard told != sent else { return nil }
    defer { told = sent }
    return .complete(first: told, last: sent &- 1, copied: true)
  }

  func takeError() throws(Errno) -> Errno? { try connection.takeError() }
}

/// One of several streams that are sent at once, and the worker that sends it.
@safe final class OutgoingFlow: FlowWorker, @unchecked Sendable {
  let index: Int
  let cpu: Int?
  let destination: FlowDestination
  let counters = FlowCounters()
  /// The port of this end.
  let port: UInt16
  var record = WorkerRecord()
  private let memory: PatternMemory
  private let load: Configuration.Load
  private let duration: Int?
  private var loop: SendLoop

  /// - Parameters:
  ///   - binding: The id of the TX binding; any where the payload comes from host memory.
  ///   - duration: How long to send, in seconds; `nil` for as long as `load` says.
  ///   - patience: How long the peer may take to acknowledge anything, in seconds.
  ///   - stop: A descriptor that is readable when the flow is to stop.
  init(
    _ index: Int, over connection: consuming Connection, on cpu: Int?, from memory: PatternMemory,
    boundAs binding: UInt32, chunkSize: Int?, load: Configuration.Load, duration: Int?,
    patience: Int?, orStoppedBy stop: CInt
  ) throws(Failure) {
    self.index = index
    self.cpu = cpu
    self.memory = memory
    self.load = load
    self.duration = duration
    loop = SendLoop(
      binding: binding, chunkSize: chunkSize, patience: patience, orStoppedBy: stop)
    do throws(Errno) {
      port = try connection.localPort()
      if let rate = load.bitsPerSecond { try connection.pace(bytesPerSecond: rate / 8) }
    } catch {
      throw Failure("prepare flow", on: "\(index)", errno: error)
    }
    destination = FlowDestination(over: connection, from: memory)
  }

  var flowIndices: [Int] { [index] }

  var statistics: SendStatistics { loop.statistics }

  var figures: FlowFigures { FlowFigures(loop.statistics, isPlain: load.usesHostMemory) }

  func work(orStoppedBy stop: CInt) throws(Failure) {
    defer { counters.publish(figures) }
    let deadline = duration.map { Instant.now.advanced(milliseconds: $0 * 1000) }
    let stretch = stretch
    var sent = 0
    while sent < load.bytesPerFlow ?? .max, deadline.map({ $0 > .now }) ?? true {
      let count = min(stretch, (load.bytesPerFlow ?? .max) - sent)
      try loop.send(sent % memory.period, count, to: destination)
      sent += count
      counters.publish(figures)
    }
    try attempt("end flow", on: "\(index)") { () throws(Errno) in
      try destination.connection.finishSending()
    }
    try loop.drain(from: destination)
  }

  /// How much to send between two looks at the clock, in bytes: of a paced flow, what goes out in
  /// the twentieth of a second.
  private var stretch: Int {
    guard let rate = load.bitsPerSecond else { return memory.stretch }
    return min(memory.stretch, max(4096, rate / 160))
  }
}
