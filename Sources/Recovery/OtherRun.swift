// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Netdev

/// A run that has what this one wants: its journal, or the lock of its interface.
struct OtherRun {
  /// The process; `nil` where it is not known, or is in another pid namespace.
  let process: CInt?

  /// Why this run cannot go on.
  var reason: String {
    process.map { "another run, pid \($0), has the interface" }
      ?? "another run has the interface"
  }

  /// Waits a little, for the caller to try again then. The process may be dying: one that was killed
  /// still has its end to go through, in which the kernel takes down its binding. Where it is dead,
  /// its guard is at work.
  ///
  /// - Parameters:
  ///   - operation: What this run tries, and on what, for the failure.
  ///   - patience: How long it waits for the guard.
  /// - Throws: A failure with `EBUSY` where the process outlives the wait for it, or the guard does;
  ///   one of the kind `stopped` after a stop.
  func wait(to operation: String, on subject: String, _ patience: Patience) throws(Failure) {
    let mayEnd =
      switch process {
      case let process?: !outlives(process, patience.forOwner)
      case nil: !patience.forOwner.isOver
      }
    try patience.forGuard.check(operation)
    guard mayEnd, !patience.forGuard.isOver else {
      throw Failure(
        operation, on: subject, errno: .busy, reason: reason,
        hint: "one run at a time may change it; -n changes nothing")
    }
    try patience.forGuard.pause(for: Self.interval, to: operation)
  }

  private func outlives(_ process: CInt, _ wait: Wait) -> Bool {
    guard let handle = try? ProcessHandle(of: process) else { return false }
    return (try? handle.hasEnded(by: wait)) != true
  }

  /// The time between two attempts.
  static let interval = Duration.milliseconds(20)
}

/// How long to wait for another run.
struct Patience {
  /// For its end.
  let forOwner: Wait
  /// For its guard to be done.
  let forGuard: Wait

  /// Begins to wait now.
  ///
  /// - Parameter wait: What else ends the waits.
  init(_ patience: Duration, _ wait: Wait) {
    forGuard = wait.limited(to: patience)
    forOwner = forGuard.limited(to: .seconds(2))
  }

  /// How long to wait for a guard at work, which tries to undo and then waits for the carrier.
  static let usual = Journal.undoPatience + Carrier.patience + .seconds(5)
}
