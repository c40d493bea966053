// SPDX-License-Identifier: GPL-2.0-only

extension Range<UInt32> {
  /// Queues of an interface as messages name them, such as "queues 2 to 3".
  package var namedAsQueues: String {
    switch count {
    case 0: "no queue"
    case 1: "queue \(lowerBound)"
    default: "queues \(lowerBound) to \(upperBound - 1)"
    }
  }
}
