// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Transfer

/// Receives some flows in turn, each when something waits.
@safe package final class ReceiveWorker: FlowWorker, @unchecked Sendable {
  /// The CPU to be pinned to; none if `nil`.
  package let cpu: Int?
  /// The flows that the worker serves.
  package let flows: [IncomingFlow]
  package var record = WorkerRecord()
  private let memory: SharedMemory?
  private let ring: SharedRing?
  private var silence: Silence

  /// - Parameters:
  ///   - cpu: Where the worker runs; anywhere if `nil`.
  ///   - memory: What they are received into; `nil` where sockets receive.
  ///   - ring: What they are received by; `nil` for a call each.
  ///   - silence: How long all flows may be silent.
  package init(
    _ flows: [IncomingFlow], on cpu: Int?, in memory: SharedMemory?, by ring: SharedRing? = nil,
    silence: Silence
  ) {
    self.ring = ring
    self.flows = flows
    self.cpu = cpu
    self.memory = memory
    self.silence = silence
    if let memory {
      for flow in flows { flow.watchWrites(to: memory) }
    }
  }

  package var flowIndices: [Int] { flows.map(\.index) }

  package func work(_ wait: Wait) throws(Failure) {
    defer { for flow in flows { flow.settle() } }
    if let ring {
      var engine = try RingFlowEngine(ring, for: flows, wait)
      try serve(by: &engine, wait)
    } else if let memory {
      var engine = try CallingFlowEngine(using: DevmemShared(memory), wait)
      try serve(by: &engine, wait)
    } else {
      var engine = try CallingFlowEngine(using: SocketShared(), wait)
      try serve(by: &engine, wait)
    }
  }

  private func serve(
    by engine: inout some FlowEngine & ~Copyable, _ wait: Wait
  ) throws(Failure) {
    for (place, flow) in flows.enumerated() { try engine.add(flow.connection, as: place) }
    for flow in flows { try flow.begin(wait) }
    // By their places: those that are ready. Each round looks at these alone, so that it costs no
    // more for flows that have nothing to receive.
    var busy = Array(flows.indices)
    var running: [Int] = []
    var isRunning = [Bool](repeating: false, count: flows.count)
    // Whether a batch came since the last look at the running ones.
    var isFresh = isRunning
    var left = flows.count
    var lapse = Instant.now
    while true {
      var still = 0
      for place in busy {
        let flow = flows[place]
        try flow.serve(by: &engine, wait)
        if flow.isReady {
          busy[still] = place
          still += 1
          continue
        }
        if flow.isAtEnd {
          try engine.remove(flow.connection)
          left -= 1
        } else if flow.isRunning, !isRunning[place] {
          if running.isEmpty { lapse = .now.advanced(by: ReceivePace.batchWait) }
          isRunning[place] = true
          running.append(place)
        }
      }
      busy.removeSubrange(still...)
      if left == 0 { return }
      let deadline =
        !busy.isEmpty
        ? Instant.now : running.isEmpty ? wait.limited(to: silence.limit).deadline : lapse
      let isWoken = try engine.wait(until: deadline, to: "wait for data")
      if isWoken {
        for place in engine.ready where !flows[place].isReady {
          flows[place].wake()
          isFresh[place] = true
          busy.append(place)
        }
        silence.end()
      } else if busy.isEmpty, running.isEmpty, !silence.pass() {
        throw silence.failure(
          of: flows.count == 1 ? "flow \(flows[0].index)" : "flows \(flowIndices)")
      }
      // A batch that did not come in time: what there is will do.
      guard !running.isEmpty, lapse <= .now else { continue }
      lapse = .now.advanced(by: ReceivePace.batchWait)
      running.removeAll { place in
        let flow = flows[place]
        let isBusy = flow.isReady
        isRunning[place] = (isFresh[place] || isBusy) && flow.isRunning
        isFresh[place] = false
        guard !isRunning[place] else { return false }
        flow.expectLess()
        if flow.isReady, !isBusy { busy.append(place) }
        return true
      }
    }
  }
}
