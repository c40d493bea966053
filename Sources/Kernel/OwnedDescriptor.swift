// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A file descriptor that is closed when its owner goes away.
package struct OwnedDescriptor: ~Copyable, Sendable {
  package let rawValue: CInt

  /// Takes over a descriptor that nobody else will close.
  package init(owning rawValue: CInt) { self.rawValue = rawValue }

  deinit { _ = close(rawValue) }
}
