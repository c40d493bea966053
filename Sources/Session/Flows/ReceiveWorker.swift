// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Sockets

/// Receives some flows in turn, each when something waits.
@safe final class ReceiveWorker: FlowWorker, @unchecked Sendable {
  let cpu: Int?
  let flows: [IncomingFlow]
  var record = WorkerRecord()
  private let memory: SharedMemory
  private let idleLimit: Int?

  /// - Parameter idleLimit: How long all flows may be silent, in seconds; `nil` for however long.
  init(_ flows: [IncomingFlow], on cpu: Int?, in memory: SharedMemory, idleLimit: Int?) {
    self.flows = flows
    self.cpu = cpu
    self.memory = memory
    self.idleLimit = idleLimit
  }

  var flowIndices: [Int] { flows.map(\.index) }

  func work(orStoppedBy stop: CInt) throws(Failure) {
    defer { for flow in flows { flow.settle() } }
    var frame = ReceiveFrame()
    var set = PollSet(flows.map { $0.connection.rawDescriptor } + [stop])
    while true {
      var isBusy = false
      var isRunning = false
      var isAtEnd = true
      for flow in flows where !flow.isAtEnd {
        if flow.isReady { try flow.serve(&frame, in: memory.buffer) }
        if flow.isAtEnd { set.remove(place(of: flow)) }
        isBusy = isBusy || flow.isReady
        isRunning = isRunning || flow.isRunning
        isAtEnd = isAtEnd && flow.isAtEnd
      }
      if isAtEnd { return }
      let deadline: Instant? =
        if isBusy {
          .now
        } else if isRunning {
          Instant.now.advanced(milliseconds: ReceivePace.moment)
        } else {
          idleLimit.map { Instant.now.advanced(milliseconds: $0 * 1000) }
        }
      let isReady = try attempt("wait for data") { () throws(Errno) in
        try set.wait(until: deadline)
      }
      if isReady {
        if set.isReady(flows.count) { return }
        for (place, flow) in flows.enumerated() where set.isReady(place) { flow.wake() }
      } else if isRunning {
        for flow in flows { flow.expectLess() }
      } else if !isBusy {
        throw Failure(
          "receive", on: flows.count == 1 ? "flow \(flows[0].index)" : "flows \(flowIndices)",
          errno: .timedOut, reason: "no data for \(idleLimit ?? 0) s (--timeout)",
          hint: "is the peer still sending? an empty page pool drops frames: see the queues' drops")
      }
    }
  }

  private func place(of flow: IncomingFlow) -> Int { flows.firstIndex { $0 === flow }! }
}
