// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Memory that a device writes and the CPU reads in brackets.
package protocol ReadableMemory: ~Copyable {
  /// The memory, or a copy of it at the same offsets; valid between `beginReading` and
  /// `endReading`.
  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get
  }

  /// Whether `bytes` is the memory itself, all of which a bracket makes visible.
  var isMapped: Bool { get }

  /// Makes what the device wrote so far visible to the CPU.
  ///
  /// - Parameter range: What is going to be read of memory that is not mapped: it is copied.
  func beginReading(_ range: Range<Int>) throws(Failure)

  /// Ends what `beginReading` began.
  func endReading() throws(Failure)
}

extension ReadableMemory where Self: ~Copyable {
  /// Reads what the device wrote. The access that was begun is ended whatever the body does.
  ///
  /// - Parameters:
  ///   - range: What is going to be read of memory that is not mapped.
  ///   - body: Takes the whole memory.
  /// - Throws: What `body` throws; else what beginning or ending the access fails with.
  package func reading<Result>(
    _ range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try beginReading(range)
    let result: Result
    do throws(Failure) {
      result = try body(bytes)
    } catch {
      do throws(Failure) { try endReading() } catch {}
      throw error
    }
    try endReading()
    return result
  }
}
