// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// Several descriptors that are waited for together, to be readable. Allocated once, used for every
/// wait.
package struct PollSet: ~Copyable {
  private var members: [pollfd]

  /// - Parameter descriptors: Known by their place from here on.
  package init(_ descriptors: [CInt]) {
    members = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  }

  /// Stops watching a descriptor.
  package mutating func remove(_ index: Int) {
    members[index].fd = -1
    members[index].revents = 0
  }

  /// Waits until one is readable or in error. The corresponding C function is `poll`.
  ///
  /// - Parameter deadline: When to come back with none; never if `nil`.
  /// - Returns: Whether there is one.
  package mutating func wait(until deadline: Instant?) throws(Errno) -> Bool {
    let count = try retrying {
      unsafe members.withUnsafeMutableBufferPointer {
        unsafe poll($0.baseAddress, nfds_t($0.count), deadline?.millisecondsLeft ?? -1)
      }
    }
    return count > 0
  }

  /// Whether the last wait found a descriptor readable or in error.
  package func isReady(_ index: Int) -> Bool { members[index].revents != 0 }
}
