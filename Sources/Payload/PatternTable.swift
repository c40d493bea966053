// SPDX-License-Identifier: GPL-2.0-only

public import Glibc

/// Two blocks of a pattern: any block of `blockSize` bytes, wherever in the pattern it begins, can
/// be compared with it or copied from it in one call.
@usableFromInline
struct PatternTable: Sendable {
  /// The length of a block in bytes: whole periods, so that the next block begins at the same place,
  /// and no more than a quarter of a small L1 cache.
  @usableFromInline let blockSize: Int

  @usableFromInline let bytes: [UInt8]

  /// Writes a pattern out.
  init(_ pattern: Pattern) {
    blockSize = 8192 / pattern.period * pattern.period
    bytes = (0..<2 * blockSize).map(pattern.byte)
  }

  /// Whether a block is the pattern. The corresponding C function is `memcmp`, whose vector code
  /// outruns any loop that the compiler makes of this.
  ///
  /// - Parameters:
  ///   - block: 1 to `blockSize` bytes.
  ///   - place: where the first one is, below `blockSize`.
  @inlinable
  @inline(__always)
  func matches(_ block: RawSpan, at place: Int) -> Bool {
    unsafe bytes.withUnsafeBytes { table in
      unsafe block.withUnsafeBytes { block in
        unsafe memcmp(block.baseAddress!, table.baseAddress! + place, block.count) == 0
      }
    }
  }

  /// Writes the pattern into a buffer of any length, whose first byte is at this place, below
  /// `blockSize`. The corresponding C function is `memcpy`.
  func fill(_ buffer: inout MutableRawSpan, at place: Int) {
    unsafe bytes.withUnsafeBytes { table in
      unsafe buffer.withUnsafeMutableBytes { buffer in
        for start in stride(from: 0, to: buffer.count, by: blockSize) {
          let count = min(blockSize, buffer.count - start)
          unsafe memcpy(buffer.baseAddress! + start, table.baseAddress! + place, count)
        }
      }
    }
  }
}
