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

extension WritableMemory where Self: ~Copyable {
  /// Writes for the device. The access that was begun is ended whatever the body does.
  ///
  /// - Parameter body: Writes into the range, and returns how many bytes it wrote from its start
  ///   on.
  /// - Returns: What `body` returned.
  /// - Throws: What `body` throws; else what beginning or ending the access fails with.
  package mutating func writing(
    _ range: Range<Int>, _ body: (inout MutableRawSpan) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    try beginWriting()
    let count: Int
    do throws(Failure) {
      var bytes = mutableBytes(in: range)
      count = try body(&bytes)
    } catch {
      do throws(Failure) { try endWriting(range.lowerBound..<range.lowerBound) } catch {}
      throw error
    }
    try endWriting(range.lowerBound..<range.lowerBound + count)
    return count
  }
}
