// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload
internal import Sockets
internal import Transfer

/// The receive loop of one flow of a measurement. There are two kinds, so that the loop without a
/// GPU is made for just that: which one it is costs a look for each `recvmsg`, not for each fragment.
struct FlowLoop: ~Copyable {
  /// Receives all, unless a GPU compares.
  private var loop: ReceiveLoop<Engine, MeasuredSink>
  /// Receives all where a GPU compares.
  private var gpu: ReceiveLoop<Engine, GPUValidatingSink>?

  private typealias Engine = DevmemEngine<Connection, SharedMemory>

  /// - Parameters:
  ///   - pattern: What to compare the payload with; `nil` to drop it.
  ///   - interval: Of how many pieces the first one is compared.
  ///   - comparison: What compares it, if that is not the CPU.
  ///   - waitsForBatches: Whether a stream that runs is worth a short wait for more of it.
  ///   - report: Takes a line for each of the first wrong bytes.
  init(
    checking pattern: Pattern?, every interval: Int, by comparison: consuming GPUComparison?,
    through binding: UInt32, memorySize: Int, failsOnLinear: Bool, tokensArePages: Bool,
    waitsForBatches: Bool,
    report: @escaping (String) -> Void
  ) {
    func loop<Sink: PayloadSink & ~Copyable>(
      into sink: consuming Sink
    ) -> ReceiveLoop<Engine, Sink> {
      ReceiveLoop(
        by: DevmemEngine(
          through: binding, failsOnLinear: failsOnLinear, tokensArePages: tokensArePages),
        into: Intake(into: sink), memorySize: memorySize, waitsForBatches: waitsForBatches)
    }
    if let pattern, let comparison = comparison.take() {
      self.loop = loop(into: MeasuredSink(nil, report: report))
      gpu = loop(
        into: GPUValidatingSink(pattern, by: comparison, every: interval, report: report))
    } else {
      self.loop = loop(into: MeasuredSink(pattern, every: interval, report: report))
      gpu = nil
    }
  }

  /// Takes what one call of `recvmsg` has.
  mutating func step(
    from source: borrowing Connection, with shared: inout DevmemShared<SharedMemory>
  ) throws(Failure) -> ReceiveProgress {
    if let progress = try gpu?.step(from: source, with: &shared) { return progress }
    return try loop.step(from: source, with: &shared)
  }

  /// What was done so far.
  var figures: FlowFigures {
    switch gpu {
    case .some(let loop): FlowFigures(of: loop)
    case .none: FlowFigures(of: loop)
    }
  }

  /// Whether payload came so fast that a batch of it is worth a short wait.
  var isRunning: Bool {
    switch gpu {
    case .some(let loop): loop.isRunning
    case .none: loop.isRunning
    }
  }

  /// Notes that no batch came within `ReceivePace.batchWait`.
  mutating func expectLess() {
    loop.expectLess()
    gpu?.expectLess()
  }

  /// Returns the tokens gathered so far, after a failure.
  mutating func settle(with source: borrowing Connection) {
    loop.settle(with: source)
    gpu?.settle(with: source)
  }

  /// What sees each fragment from the next call on, where nobody reads the payload.
  var trace: ((Fragment, _ totalBytes: Int) -> Void)? {
    get { loop.intake.trace }
    set { loop.intake.trace = newValue }
  }
}

extension FlowFigures {
  fileprivate init(
    of loop: borrowing ReceiveLoop<some ReceiveEngine & ~Copyable, some PayloadSink & ~Copyable>
  ) {
    self.init(
      loop.statistics, checkedBytes: loop.intake.sink.checkedByteCount,
      wrongBytes: loop.intake.sink.wrongByteCount ?? 0)
  }
}
