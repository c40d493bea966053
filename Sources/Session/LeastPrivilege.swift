// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Options
internal import Transfer

/// What a run gives up once it is set up, before it takes what strangers send. Threads that it
/// starts later keep none of the capabilities that this leaves (`WorkerGroup`).
enum LeastPrivilege {
  /// Drops all capabilities but some, and what no run does after its set-up. No run fails for what
  /// it cannot drop: a kernel without filters (`CONFIG_SECCOMP_FILTER`) has none to put on, and a
  /// container may forbid to.
  ///
  /// - Parameters:
  ///   - kept: What the rest of the run takes, and the undo.
  ///   - engine: What the run receives by.
  static func enter(keeping kept: Capabilities, for engine: Engine = .devmem) {
    try? Capabilities.drop(allBut: kept)
    let filter = engine == .zcrx ? SystemCallFilter.runWithRings : .run
    try? filter.apply()
  }
}

extension Configuration.Receive {
  /// Leaves a receiving run what it takes once it is set up: to steer flows as they come, to set up
  /// those that it asks for, and to undo.
  func enterLeastPrivilege() {
    LeastPrivilege.enter(
      keeping: configuresNIC || request != nil ? .netAdmin : [], for: target.engine)
  }
}
