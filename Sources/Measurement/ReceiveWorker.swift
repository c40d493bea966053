// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
internal import Sockets
package import Transfer

/// Device memory that several threads use at once. Its place never changes. Received payload
/// belongs to the thread that holds its tokens; payload to be sent was written beforehand.
@safe package final class SharedMemory: @unchecked Sendable {
  /// The memory.
  package let buffer: DeviceBuffer
  /// What was in it before its binding, if that is known.
  package let filling: Filling?

  /// Takes over memory.
  package init(_ buffer: consuming DeviceBuffer, filled filling: Filling? = nil) {
    self.buffer = buffer
    self.filling = filling
  }
}

/// Receives some flows in turn, each when something waits.
@safe package final class ReceiveWorker: FlowWorker, @unchecked Sendable {
  /// The CPU to be pinned to; none if `nil`.
  package let cpu: Int?
  /// The flows that the worker serves.
  package let flows: [IncomingFlow]
  package var record = WorkerRecord()
  private let memory: SharedMemory
  private var silence: Silence

  /// - Parameters:
  ///   - cpu: Where the worker runs; anywhere if `nil`.
  ///   - silence: How long all flows may be silent.
  package init(
    _ flows: [IncomingFlow], on cpu: Int?, in memory: SharedMemory, silence: Silence
  ) {
    self.flows = flows
    self.cpu = cpu
    self.memory = memory
    self.silence = silence
    for flow in flows { flow.watchWrites(to: memory) }
  }

  package var flowIndices: [Int] { flows.map(\.index) }

  package func work(_ wait: Wait) throws(Failure) {
    defer { for flow in flows { flow.settle() } }
    var frame = ReceiveFrame()
    var set = PollSet(flows.map { $0.connection.descriptor })
    while true {
      var (isBusy, isRunning, isAtEnd) = (false, false, true)
      for (place, flow) in flows.enumerated() where !flow.isAtEnd {
        if flow.isReady { try flow.serve(&frame, in: memory) }
        if flow.isAtEnd { set.remove(place) }
        isBusy = isBusy || flow.isReady
        isRunning = isRunning || flow.isRunning
        isAtEnd = isAtEnd && flow.isAtEnd
      }
      if isAtEnd { return }
      let limit = isBusy ? .zero : isRunning ? ReceivePace.batchWait : silence.limit
      if try set.wait(wait.limited(to: limit), to: "wait for data") {
        for (place, flow) in flows.enumerated() where set.isReady(place) { flow.wake() }
        silence.end()
      } else if isRunning {
        for flow in flows { flow.expectLess() }
      } else if !isBusy, !silence.pass() {
        throw silence.failure(
          of: flows.count == 1 ? "flow \(flows[0].index)" : "flows \(flowIndices)")
      }
    }
  }
}
