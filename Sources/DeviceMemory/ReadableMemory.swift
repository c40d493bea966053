// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Memory that a device writes and the CPU reads in brackets.
package protocol ReadableMemory: ~Copyable {
  /// The memory, valid between `beginReading` and `endReading`.
  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get
  }

  /// Makes what the device wrote so far visible to the CPU.
  func beginReading() throws(Errno)

  /// Ends what `beginReading` began.
  func endReading() throws(Errno)
}
