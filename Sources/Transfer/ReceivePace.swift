// SPDX-License-Identifier: GPL-2.0-only

/// The pace of a stream, which decides what to wait for. While the stream runs, a wake-up for each
/// segment costs more than the segment brings: the loop waits for a batch of them, and at most
/// `batchWait`. When the stream trickles, the loop takes each byte as it comes.
package struct ReceivePace: Sendable {
  /// How long to wait for a batch: a time that a person does not notice, nor twice of it, which a
  /// thread of several streams may take.
  package static let batchWait = Duration.milliseconds(5)

  /// A batch in bytes: about as many fragments of a standard frame as a full batch of tokens has
  /// room for, divided by four to leave the sender most of its window.
  private static let batch = 256 << 10

  /// What must wait before the stream counts as readable, in bytes.
  private let threshold: Int
  private var bytesSinceWait = 0
  private var thresholdInForce = 1

  /// Whether the last wait was followed by so much that a batch is worth waiting for.
  package private(set) var isRunning = false

  /// - Parameters:
  ///   - memorySize: The size of the bound memory, in bytes. A batch that waits must not use it up,
  ///     and a fragment may take four times its size of it.
  ///   - waitsForBatches: Whether there are batches at all: where the peer waits for an answer, none
  ///     will come.
  package init(memorySize: Int, waitsForBatches: Bool = true) {
    threshold = waitsForBatches ? max(1, min(Self.batch, memorySize / 16)) : .max
  }

  /// Counts bytes received.
  package mutating func add(_ count: Int) { bytesSinceWait += count }

  /// Notes that no batch came within `batchWait`.
  package mutating func stop() {
    isRunning = false
    bytesSinceWait = 0
  }

  /// Decides what the next wait is for.
  ///
  /// - Returns: The threshold to be set, if it is not in force.
  package mutating func takeChange() -> Int? {
    isRunning = bytesSinceWait >= threshold / 4
    bytesSinceWait = 0
    let wanted = isRunning ? threshold : 1
    guard wanted != thresholdInForce else { return nil }
    thresholdInForce = wanted
    return wanted
  }
}
