// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Sockets

extension ReceiveLoop {
  /// What one step came to.
  enum Progress {
    /// Payload, and perhaps there is more.
    case more
    /// All that waited is taken, and its tokens are returned.
    case nothing
    case endOfStream
  }

  /// Takes what one call of `recvmsg` has, without waiting: for a thread that serves several
  /// streams. Where nothing waits, sets what the wait to come is for.
  mutating func step<
    Source: DevmemSource & ~Copyable, Memory: ReadableMemory & ~Copyable,
    Sink: PayloadSink & ~Copyable
  >(
    from source: borrowing Source, into frame: inout ReceiveFrame, in memory: borrowing Memory,
    into sink: inout Sink, at pace: inout ReceivePace
  ) throws(Failure) -> Progress {
    switch try receive(from: source, into: &frame) {
    case .bytes(let count):
      try deliver(count, of: frame, from: source, in: memory, into: &sink)
      pace.add(count)
      return .more
    case .nothing:
      try returnTokens(to: source)
      try prepareWait(for: source, at: &pace)
      return .nothing
    case .endOfStream:
      try returnTokens(to: source)
      return .endOfStream
    }
  }
}
