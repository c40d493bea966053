// SPDX-License-Identifier: GPL-2.0-only

internal import Synchronization
package import Transfer

/// What was transferred of a flow, in all or in an interval.
package struct FlowFigures: Equatable, Sendable {
  /// Bytes of payload found in device memory, or sent from there.
  package var deviceBytes = 0
  /// Bytes of payload that a bound queue left in host memory.
  package var linearBytes = 0
  /// Bytes of payload that did not come through a bound queue, or were sent from host memory.
  package var plainBytes = 0
  /// Bytes of these that a socket has shown in the NIC's pages.
  package var mappedBytes = 0
  /// Pieces of payload in device memory.
  package var fragments = 0
  /// Calls of `recvmsg`, or of `sendmsg`.
  package var calls = 0
  /// Calls of `SO_DEVMEM_DONTNEED`.
  package var returnCalls = 0
  /// Fragments that they returned.
  package var tokensReturned = 0
  /// Bytes that were compared with the pattern.
  package var checkedBytes = 0
  /// Bytes that are not what the pattern has in their place.
  package var wrongBytes = 0

  /// Nothing yet.
  package init() {}

  /// What a receive loop did.
  ///
  /// - Parameters:
  ///   - checkedBytes: Bytes that were compared with the pattern.
  ///   - wrongBytes: Bytes of them that are not what it has in their place.
  package init(_ statistics: ReceiveStatistics, checkedBytes: Int, wrongBytes: Int) {
    deviceBytes = statistics.deviceBytes
    linearBytes = statistics.linearBytes
    plainBytes = statistics.plainBytes
    mappedBytes = statistics.mappedBytes
    fragments = statistics.fragments
    calls = statistics.receiveCalls
    returnCalls = statistics.returnCalls
    tokensReturned = statistics.tokensReturned
    self.checkedBytes = checkedBytes
    self.wrongBytes = wrongBytes
  }

  /// What a send loop did.
  ///
  /// - Parameter isPlain: Whether the payload was sent from host memory.
  package init(_ statistics: SendStatistics, isPlain: Bool) {
    deviceBytes = isPlain ? 0 : statistics.bytes
    plainBytes = isPlain ? statistics.bytes : 0
    calls = statistics.sends
  }

  /// All bytes of payload.
  package var bytes: Int { deviceBytes + linearBytes + plainBytes }

  /// Fragments that the NIC has not got back. The two counts are read one after the other.
  package var tokensOutstanding: Int { max(0, fragments - tokensReturned) }

  /// Adds up each count.
  package static func + (left: FlowFigures, right: FlowFigures) -> FlowFigures {
    left.combined(with: right, +)
  }

  /// Subtracts each count.
  package static func - (left: FlowFigures, right: FlowFigures) -> FlowFigures {
    left.combined(with: right, -)
  }

  private func combined(
    with other: FlowFigures, _ operation: (Int, Int) -> Int
  ) -> FlowFigures {
    var result = FlowFigures()
    for member in Self.members {
      result[keyPath: member] = operation(self[keyPath: member], other[keyPath: member])
    }
    return result
  }

  private static var members: [WritableKeyPath<FlowFigures, Int>] {
    [
      \.deviceBytes, \.linearBytes, \.plainBytes, \.mappedBytes, \.fragments, \.calls,
      \.returnCalls, \.tokensReturned, \.checkedBytes, \.wrongBytes,
    ]
  }
}

/// A flow's figures, which its thread publishes for the thread that reports, each count separately.
package final class FlowCounters: Sendable {
  /// Counts of nothing yet.
  package init() {}

  private let deviceBytes = Atomic(0)
  private let linearBytes = Atomic(0)
  private let plainBytes = Atomic(0)
  private let mappedBytes = Atomic(0)
  private let fragments = Atomic(0)
  private let calls = Atomic(0)
  private let returnCalls = Atomic(0)
  private let tokensReturned = Atomic(0)
  private let checkedBytes = Atomic(0)
  private let wrongBytes = Atomic(0)

  /// For the flow's own thread.
  package func publish(_ figures: FlowFigures) {
    deviceBytes.store(figures.deviceBytes, ordering: .relaxed)
    linearBytes.store(figures.linearBytes, ordering: .relaxed)
    plainBytes.store(figures.plainBytes, ordering: .relaxed)
    mappedBytes.store(figures.mappedBytes, ordering: .relaxed)
    fragments.store(figures.fragments, ordering: .relaxed)
    calls.store(figures.calls, ordering: .relaxed)
    returnCalls.store(figures.returnCalls, ordering: .relaxed)
    tokensReturned.store(figures.tokensReturned, ordering: .relaxed)
    checkedBytes.store(figures.checkedBytes, ordering: .relaxed)
    wrongBytes.store(figures.wrongBytes, ordering: .relaxed)
  }

  /// For any thread.
  package var figures: FlowFigures {
    var figures = FlowFigures()
    figures.deviceBytes = deviceBytes.load(ordering: .relaxed)
    figures.linearBytes = linearBytes.load(ordering: .relaxed)
    figures.plainBytes = plainBytes.load(ordering: .relaxed)
    figures.mappedBytes = mappedBytes.load(ordering: .relaxed)
    figures.fragments = fragments.load(ordering: .relaxed)
    figures.calls = calls.load(ordering: .relaxed)
    figures.returnCalls = returnCalls.load(ordering: .relaxed)
    figures.tokensReturned = tokensReturned.load(ordering: .relaxed)
    figures.checkedBytes = checkedBytes.load(ordering: .relaxed)
    figures.wrongBytes = wrongBytes.load(ordering: .relaxed)
    return figures
  }
}
