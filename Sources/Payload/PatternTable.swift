// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// A pattern written out for long enough that any block of `blockSize` bytes, at whichever phase
/// it begins, can be compared with it or copied from it in one call.
struct PatternTable: Sendable {
  /// The length of a block in bytes: whole periods, so that the next block has the same phase, and
  /// no more than a quarter of a small L1 cache.
  let blockSize: Int

  private let bytes: [UInt8]

  /// Writes a pattern out.
  init(_ pattern: Pattern) {
    let blockSize = 8192 / pattern.period * pattern.period
    self.blockSize = blockSize
    bytes = (0..<blockSize + pattern.period - 1).map(pattern.byte)
  }

  /// Whether a block is the pattern. The corresponding C function is `memcmp`, whose vector code
  /// outruns any loop that the compiler makes of this.
  ///
  /// - Parameters:
  ///   - block: 1 to `blockSize` bytes.
  ///   - phase: the stream offset of the first one, modulo the period.
  func matches(_ block: RawSpan, phase: Int) -> Bool {
    unsafe bytes.withUnsafeBytes { table in
      unsafe block.withUnsafeBytes { block in
        unsafe memcmp(block.baseAddress!, table.baseAddress! + phase, block.count) == 0
      }
    }
  }

  /// Writes the pattern into a buffer of any length, whose first byte has this phase. The
  /// corresponding C function is `memcpy`.
  func fill(_ buffer: inout MutableRawSpan, phase: Int) {
    unsafe bytes.withUnsafeBytes { table in
      unsafe buffer.withUnsafeMutableBytes { buffer in
        for start in stride(from: 0, to: buffer.count, by: blockSize) {
          let count = min(blockSize, buffer.count - start)
          unsafe memcpy(buffer.baseAddress! + start, table.baseAddress! + phase, count)
        }
      }
    }
  }
}
