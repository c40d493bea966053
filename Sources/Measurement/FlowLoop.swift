// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload
internal import Sockets
internal import Transfer
internal import Uring

/// The receive loop of one flow of a measurement: one of these, so that each is made for just its
/// engine and its sink. Which one it is costs a look for each call of the kernel, not for each
/// fragment.
struct FlowLoop: ~Copyable {
  private typealias Devmem = DevmemEngine<Connection, SharedMemory>

  /// Receives through a binding, unless a GPU compares.
  private var devmem: ReceiveLoop<Devmem, MeasuredSink>?
  /// Receives through a binding where a GPU compares.
  private var gpu: ReceiveLoop<Devmem, GPUValidatingSink>?
  /// Receives by a ring.
  private var ring: ReceiveLoop<ZeroCopyEngine<ZeroCopyRing, SharedMemory>, MeasuredSink>?
  /// Receives by the socket alone.
  private var socket: ReceiveLoop<SocketEngine<Connection>, MeasuredSink>?

  /// - Parameters:
  ///   - method: What receives.
  ///   - pattern: What to compare the payload with; `nil` to drop it.
  ///   - interval: Of how many pieces the first one is compared.
  ///   - comparison: What compares it, if that is not the CPU.
  ///   - source: The flow's connection.
  ///   - waitsForBatches: Whether a stream that runs is worth a short wait for more of it.
  ///   - report: Takes a line for each of the first wrong bytes.
  init(
    by method: FlowMethod, checking pattern: Pattern?, every interval: Int,
    by comparison: consuming GPUComparison?, from source: borrowing Connection,
    waitsForBatches: Bool, report: @escaping (String) -> Void
  ) throws(Failure) {
    switch method {
    case .devmem(let binding, let memorySize, let failsOnLinear, let tokensArePages):
      let engine = Devmem(
        through: binding, failsOnLinear: failsOnLinear, tokensArePages: tokensArePages)
      if let pattern, let comparison = comparison.take() {
        let sink = GPUValidatingSink(pattern, by: comparison, every: interval, report: report)
        gpu = ReceiveLoop(
          by: engine, into: Intake(into: sink), memorySize: memorySize,
          waitsForBatches: waitsForBatches)
      } else {
        let sink = MeasuredSink(pattern, every: interval, report: report)
        devmem = ReceiveLoop(
          by: engine, into: Intake(into: sink), memorySize: memorySize,
          waitsForBatches: waitsForBatches)
      }
    case .zcrx(let number, let failsOnLinear):
      let engine = ZeroCopyEngine<ZeroCopyRing, SharedMemory>(
        as: number, failsOnLinear: failsOnLinear)
      let sink = MeasuredSink(pattern, every: interval, report: report)
      ring = ReceiveLoop(
        by: engine, into: Intake(into: sink), memorySize: .max, waitsForBatches: false)
    case .socket(let showsPages):
      let engine = try SocketEngine(of: source, showsPages: showsPages)
      let sink = MeasuredSink(pattern, every: interval, report: report)
      socket = ReceiveLoop(
        by: engine, into: Intake(into: sink), memorySize: .max, waitsForBatches: waitsForBatches)
    }
  }

  /// Takes what one call of `recvmsg` has, through a binding.
  mutating func step(
    from source: borrowing Connection, with shared: inout DevmemShared<SharedMemory>
  ) throws(Failure) -> ReceiveProgress {
    if let progress = try devmem?.step(from: source, with: &shared) { return progress }
    return try gpu!.step(from: source, with: &shared)
  }

  /// Takes what a ring has of the flow next.
  mutating func step(
    from source: borrowing Connection, with shared: inout SharedRing.Shared
  ) throws(Failure) -> ReceiveProgress {
    try ring!.step(from: source, with: &shared)
  }

  /// Takes what one call of `recv` has.
  mutating func step(
    from source: borrowing Connection, with shared: inout SocketShared
  ) throws(Failure) -> ReceiveProgress {
    try socket!.step(from: source, with: &shared)
  }

  /// What was done so far.
  var figures: FlowFigures {
    switch devmem {
    case .some(let loop): return loop.figures
    case .none: break
    }
    switch gpu {
    case .some(let loop): return loop.figures
    case .none: break
    }
    switch ring {
    case .some(let loop): return loop.figures
    case .none: break
    }
    return switch socket {
    case .some(let loop): loop.figures
    case .none: FlowFigures()
    }
  }

  /// Whether payload came so fast that a batch of it is worth a short wait.
  var isRunning: Bool {
    switch devmem {
    case .some(let loop): return loop.isRunning
    case .none: break
    }
    switch gpu {
    case .some(let loop): return loop.isRunning
    case .none: break
    }
    return switch socket {
    case .some(let loop): loop.isRunning
    case .none: false
    }
  }

  /// Notes that no batch came within `ReceivePace.batchWait`.
  mutating func expectLess() {
    devmem?.expectLess()
    gpu?.expectLess()
    socket?.expectLess()
  }

  /// Gives back what was received, after a failure.
  mutating func settle(with source: borrowing Connection) {
    devmem?.settle(with: source)
    gpu?.settle(with: source)
    socket?.settle(with: source)
  }

  /// Sees each fragment from the next call on, where nobody reads the payload.
  mutating func trace(by trace: ((Fragment, _ totalBytes: Int) -> Void)?) {
    devmem?.intake.trace = trace
    ring?.intake.trace = trace
  }
}

extension ReceiveLoop where Engine: ~Copyable, Sink: ~Copyable {
  /// What was done so far.
  fileprivate var figures: FlowFigures {
    FlowFigures(
      statistics, checkedBytes: intake.sink.checkedByteCount,
      wrongBytes: intake.sink.wrongByteCount ?? 0)
  }
}
