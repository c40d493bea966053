// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel

/// Device memory that several threads use at once. Its place never changes. Received payload
/// belongs to the thread that holds its tokens; payload to be sent was written beforehand.
@safe package final class SharedMemory: @unchecked Sendable {
  /// The memory.
  package let buffer: DeviceBuffer
  /// What was in it before its binding, if that is known.
  package let filling: Filling?
  /// What compares it with the payload's pattern, if that is not the CPU.
  package let comparer: GPUComparer?

  /// Takes over memory.
  package init(
    _ buffer: consuming DeviceBuffer, filled filling: Filling? = nil,
    comparedBy comparer: GPUComparer? = nil
  ) {
    self.buffer = buffer
    self.filling = filling
    self.comparer = comparer
  }
}

extension SharedMemory: ReadableMemory {
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      let bytes = unsafe RawSpan(_unsafeBytes: Self.place(of: buffer))
      return unsafe _overrideLifetime(bytes, borrowing: self)
    }
  }

  /// Where the bytes are, for as long as the buffer lives: of a member of a class, the compiler lets
  /// no span out.
  private static func place(of buffer: borrowing DeviceBuffer) -> UnsafeRawBufferPointer {
    unsafe buffer.bytes.withUnsafeBytes { unsafe $0 }
  }

  package var isMapped: Bool { buffer.isMapped }

  package func beginReading(_ range: Range<Int>) throws(Failure) { try buffer.beginReading(range) }

  package func endReading() throws(Failure) { try buffer.endReading() }
}
