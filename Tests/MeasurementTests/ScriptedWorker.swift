// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement

/// A worker that does what a test says.
final class ScriptedWorker: FlowWorker, @unchecked Sendable {
  let cpu: Int?
  let flowIndices: [Int]
  var record = WorkerRecord()
  private let script: @Sendable (Wait) throws(Failure) -> Void

  init(
    on cpu: Int? = nil, of flows: [Int] = [0],
    _ script: @escaping @Sendable (Wait) throws(Failure) -> Void = { _ in }
  ) {
    self.cpu = cpu
    flowIndices = flows
    self.script = script
  }

  func work(_ wait: Wait) throws(Failure) { try script(wait) }
}
