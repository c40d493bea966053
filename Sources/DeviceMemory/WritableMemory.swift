// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Memory that the CPU writes in brackets and a device reads.
package protocol WritableMemory: ~Copyable {
  /// Size in bytes.
  var byteCount: Int { get }

  /// A part of the memory, or of a copy of it; valid between `beginWriting` and `endWriting`.
  @_lifetime(&self)
  mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan

  /// Begins writing.
  func beginWriting() throws(Failure)

  /// Makes what the CPU wrote visible to the device.
  ///
  /// - Parameter range: What was written of memory that is not mapped: it is copied.
  func endWriting(_ range: Range<Int>) throws(Failure)
}
