// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// A signal between threads: a descriptor that becomes readable once it is raised. The
/// corresponding C function is `eventfd`.
package final class Event: Sendable {
  private let owned: OwnedDescriptor

  /// Makes an event that is not raised.
  ///
  /// - Throws: What `eventfd` fails with.
  package init() throws(Errno) {
    let flags = CLinux_EFD_CLOEXEC | CLinux_EFD_NONBLOCK
    owned = OwnedDescriptor(owning: try retrying { CLinux_eventfd(0, flags) })
  }

  /// Readable from `raise` to `lower`.
  package var descriptor: Descriptor { owned.borrowed }

  /// Makes the descriptor readable.
  package func raise() {
    var one: UInt64 = 1
    // It fails only when raised so often that the descriptor is readable anyway.
    _ = unsafe write(descriptor.rawValue, &one, MemoryLayout<UInt64>.size)
  }

  /// Makes the descriptor unreadable again.
  package func lower() {
    var count: UInt64 = 0
    _ = unsafe read(descriptor.rawValue, &count, MemoryLayout<UInt64>.size)
  }
}
