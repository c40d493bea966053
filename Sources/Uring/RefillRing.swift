// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// Where received pieces are given back to the NIC: memory that the kernel reads, one entry a piece.
/// The corresponding C type is `struct io_uring_zcrx_rq` of liburing.
@safe package struct RefillRing: ~Copyable {
  /// How many pieces fit, a power of two: as many as the kernel allows (`io_uring/zcrx.c`,
  /// `IO_RQ_MAX_ENTRIES`), so that those of a usual memory do.
  package static let capacity: UInt32 = 32768

  /// Size of the memory in bytes: the words that both sides count by, the entries, and what the
  /// kernel counts by itself.
  package static let byteCount =
    pageSize + Int(capacity) * MemoryLayout<CLinux_zcrx_rqe>.stride + pageSize

  /// Where the kernel is to count what it copies: behind all else.
  package static let statisticsOffset = byteCount - pageSize

  private let memory: Mapping
  private let head: UnsafePointer<UInt32>
  private let tail: UnsafeMutablePointer<UInt32>
  private let entries: UnsafeMutablePointer<CLinux_zcrx_rqe>
  /// What the offsets of the ring's area begin with.
  private let token: UInt64
  /// How many pieces were written.
  private var written: UInt32

  /// - Parameters:
  ///   - memory: What was registered, of `byteCount` bytes.
  ///   - offsets: Where in it the kernel reads up to, where it reads until, and what.
  ///   - token: What the offsets of the ring's area begin with.
  package init(
    _ memory: consuming Mapping, offsets: (head: Int, tail: Int, entries: Int), token: UInt64
  ) {
    unsafe head = UnsafePointer(
      (memory.base + offsets.head).assumingMemoryBound(to: UInt32.self))
    unsafe tail = (memory.base + offsets.tail).assumingMemoryBound(to: UInt32.self)
    unsafe entries = (memory.base + offsets.entries)
      .assumingMemoryBound(to: CLinux_zcrx_rqe.self)
    self.memory = memory
    self.token = token
    unsafe written = tail.pointee
  }

  /// How many pieces the kernel has still to take.
  package var count: Int { Int(written &- (unsafe CLinux_load_acquire(head))) }

  /// Writes a piece, which the kernel sees after `publish`.
  ///
  /// - Parameters:
  ///   - offset: Where it lies in the area, in bytes.
  ///   - size: How long it is, in bytes.
  /// - Returns: `false` if there is no room.
  @inline(__always)
  package mutating func append(offset: Int, size: Int32) -> Bool {
    guard count < Int(Self.capacity) else { return false }
    unsafe entries[Int(written & (Self.capacity - 1))] = CLinux_zcrx_rqe(
      off: UInt64(offset) | token, len: UInt32(size), pad: 0)
    written &+= 1
    return true
  }

  /// Shows the kernel what was written.
  package func publish() { unsafe CLinux_store_release(tail, written) }

  /// How many bytes the kernel had to copy so far; 0 where it does not count them.
  package var copiedByteCount: Int {
    let place = unsafe memory.base + Self.statisticsOffset
    return Int(unsafe place.assumingMemoryBound(to: CLinux_zcrx_stats.self).pointee.copy_bytes)
  }
}
