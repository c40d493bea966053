// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Synchronization

/// Looks whether what steers the flows is still as a run has set it up, where they are silent: the
/// first thread that asks does, once in a run.
final class SteeringLook: Sendable {
  private let interface: UInt32
  private let changes: [Change]
  private let isDone = Atomic(false)

  /// - Parameter transaction: What the run has set up so far.
  init(at transaction: borrowing Transaction) {
    interface = transaction.interface.index
    changes = transaction.changes
  }

  /// Prints what is lost. That it cannot be found out is printed, too, and fails nothing.
  func look() {
    guard !isDone.exchange(true, ordering: .relaxed) else { return }
    do throws(Failure) {
      var interface = try Interface(at: interface)
      for line in try interface.losses(among: changes) {
        Diagnostics.print("no data comes, and \(line): was the device reset?")
      }
    } catch {
      Diagnostics.print(error.description)
    }
  }
}
