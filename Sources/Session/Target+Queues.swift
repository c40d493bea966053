// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Options

extension Configuration.Target {
  /// Which queues to bind where the command line does not say.
  enum DefaultQueues {
    /// The last one: what a run needs.
    case last
    /// The upper half: the probe binds several.
    case upperHalf
  }

  /// The queues to bind, of those that the interface has.
  ///
  /// - Throws: A failure of the kind `usage` where the command line names others, of the kind
  ///   `unsupported` where there is only one: somebody must take the traffic that is not steered.
  func chooseQueues(
    of interface: inout Interface, otherwise preset: DefaultQueues
  ) throws(Failure) -> Range<UInt32> {
    let subject = "of \(interface.subject)"
    let count: UInt32
    do throws(Failure) {
      count = try interface.receiveQueueCount
    } catch {
      // A virtual device need not tell; the kernel knows whether it has what the bind names.
      guard error.errno == .notSupported, let queues else { throw error }
      return queues
    }
    if let queues {
      guard queues.upperBound <= count else {
        throw Failure(
          "bind RX queues", on: subject,
          reason: "-t \(queues.lowerBound) -q \(queues.count) go beyond its last, \(count - 1)",
          kind: .usage)
      }
      return queues
    }
    guard count >= 2 else {
      throw Failure(
        "bind RX queues", on: subject,
        reason: "it has \(count), and one must stay for other traffic",
        hint: "add some: `ethtool -L \(interface.name) combined N`", kind: .unsupported)
    }
    return switch preset {
    case .last: count - 1..<count
    case .upperHalf: count / 2..<count
    }
  }
}
