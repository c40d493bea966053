// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Memory that the CPU writes in brackets and a device reads.
package protocol WritableMemory: ~Copyable {
  /// Size in bytes.
  var byteCount: Int { get }

  /// A part of the memory, valid between `beginWriting` and `endWriting`.
  @_lifetime(&self)
  mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan

  /// Begins writing.
  func beginWriting() throws(Errno)

  /// Makes what the CPU wrote visible to the device.
  func endWriting() throws(Errno)
}
