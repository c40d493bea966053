// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Uring

/// A ring and its memory, on the way from the thread that sets it up to the one that receives by it.
package final class SharedRing: @unchecked Sendable {
  // Unchecked: the threads use it one after the other.
  /// The RX queue that it receives through.
  package let queue: UInt32
  private var shared: Shared?

  /// What an engine uses.
  package typealias Shared = ZeroCopyShared<ZeroCopyRing, SharedMemory>

  /// - Parameter area: Where in the memory the ring's area lies, in bytes.
  package init(_ ring: consuming ZeroCopyRing, in memory: SharedMemory, at area: Range<Int>) {
    queue = ring.queue
    shared = ZeroCopyShared(ring, in: memory, at: area)
  }

  /// Gives the ring to the calling thread, once.
  package func take() throws(Failure) -> Shared {
    let shared = shared.take()!
    try shared.ring.enable()
    return shared
  }

  /// Ends the ring, if nobody has taken it.
  package func end() { shared = nil }
}
