// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Netdev
internal import Synchronization

/// What may explain that nothing comes any more, as all threads of a run look at it: whether what
/// steers the flows is still as the run has set it up, and what counts lost frames. All of it is
/// constant but what the mutex guards.
final class SilenceLook {
  private let interface: UInt32
  private let queues: Range<UInt32>
  private let netdev: Netdev
  private let changes: [Change]
  /// What was printed: once in a run, whichever thread sees it first.
  private let printed = Mutex<Set<String>>([])

  /// - Parameters:
  ///   - transaction: What the run has set up so far.
  ///   - queues: The bound queues.
  init(
    at transaction: borrowing Transaction, boundTo queues: Range<UInt32>, through netdev: Netdev
  ) {
    self.queues = queues
    self.netdev = netdev
    interface = transaction.interface.index
    changes = transaction.changes
  }

  /// What looks into the silences of one thread.
  ///
  /// - Parameter name: The interface's.
  func witness(on name: String) -> LossWitness {
    LossWitness(
      on: name, lookingAtSteering: printLostSteering, counting: lostFrames,
      printing: { self.show($0, as: "lost frames") })
  }

  /// Prints what is lost of the steering. That it cannot be found out is printed, too, and fails
  /// nothing.
  private func printLostSteering() {
    guard !changes.isEmpty else { return }
    do throws(Failure) {
      var interface = try Interface(at: interface)
      for line in try interface.losses(among: changes) {
        show("no data comes, and \(line): was the device reset?", as: line)
      }
    } catch {
      show(error.description, as: error.description)
    }
  }

  /// Prints a line, unless one of its kind was printed before.
  private func show(_ line: String, as kind: String) {
    guard printed.withLock({ $0.insert(kind).inserted }) else { return }
    Diagnostics.print(line)
  }

  /// What counts frames that the bound queues have lost, as far as it can be read; `nil` where the
  /// interface cannot be asked.
  private func lostFrames() -> ReceiveLosses? {
    guard var interface = try? Interface(at: interface) else { return nil }
    var losses = interface.receiveLosses(on: Set(queues))
    let statistics = try? netdev.receiveStatistics(ofInterface: interface.index)
    for (queue, counted) in queues.compactMap({ queue in statistics?[queue].map { (queue, $0) } }) {
      if let count = counted.allocationFailures {
        losses.add("rx-alloc-fail of queue \(queue)", count)
      }
      if let count = counted.drops { losses.add("rx-hw-drops of queue \(queue)", count) }
    }
    return losses
  }
}
