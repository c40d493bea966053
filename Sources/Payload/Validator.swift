// SPDX-License-Identifier: GPL-2.0-only

public import Glibc

/// Compares a stream with its pattern, piece by piece, and keeps count of what is wrong. Public,
/// for the receive loop to inline.
public struct Validator: Sendable {
  /// A byte that is not what the pattern has in its place.
  package struct Mismatch: Hashable, Sendable {
    /// Where the byte is, in bytes from the start of the stream.
    package let streamOffset: Int
    /// Where the byte is, in bytes from the start of the piece that was checked.
    package let pieceOffset: Int
    /// What the pattern has there.
    package let expected: UInt8
    /// What the stream has there.
    package let actual: UInt8
  }

  /// How many mismatches are kept; more are only counted.
  package static let mismatchLimit = 20

  /// What the stream is compared with.
  package let pattern: Pattern

  /// How many bytes were checked or skipped: the offset in the stream of the byte to come.
  package var streamOffset: Int { byteCount }
  @usableFromInline var byteCount = 0

  /// The same, modulo the pattern's period: so near the table's start, pieces of one size are
  /// compared with the same few cache lines.
  @usableFromInline var phase = 0

  /// By how much the last piece's length moved the phase on: the next one is likely as long, and a
  /// division takes longer than all else but the comparison.
  @usableFromInline var lastCount = 0
  @usableFromInline var lastStep = 0

  /// How many of the checked bytes were wrong.
  package private(set) var wrongByteCount = 0

  /// The first wrong ones, in order; at most `mismatchLimit`.
  package private(set) var mismatches: [Mismatch] = []

  @usableFromInline let table: PatternTable

  /// Begins at the start of a stream.
  package init(_ pattern: Pattern) {
    self.pattern = pattern
    table = PatternTable(pattern)
  }

  /// Checks the stream's next bytes. Allocates nothing unless some are wrong; inlined, since there
  /// is a piece for each fragment.
  ///
  /// - Returns: How many of them are wrong.
  @inlinable
  @inline(__always)
  @discardableResult
  public mutating func check(_ piece: RawSpan) -> Int {
    let count = piece.byteCount
    guard count <= table.blockSize, table.matches(piece, at: phase) else {
      return checkBlocks(of: piece)
    }
    advance(by: count)
    return 0
  }

  /// Passes over the stream's next bytes.
  @inlinable
  public mutating func skip(_ count: Int) { advance(by: count) }

  /// Checks a piece that is longer than a block, or wrong.
  @usableFromInline
  mutating func checkBlocks(of piece: RawSpan) -> Int {
    let wrongBefore = wrongByteCount
    var start = 0
    while start < piece.byteCount {
      let block = start..<min(start + table.blockSize, piece.byteCount)
      if !table.matches(piece.extracting(block), at: phase) { examine(block, of: piece) }
      start = block.upperBound
    }
    advance(by: piece.byteCount)
    return wrongByteCount - wrongBefore
  }

  @inlinable
  @inline(__always)
  mutating func advance(by count: Int) {
    // A stream of 2^63 bytes takes centuries.
    byteCount &+= count
    if count != lastCount {
      lastCount = count
      lastStep = count % table.period
    }
    phase &+= lastStep
    if phase >= table.period { phase &-= table.period }
  }

  /// Finds the wrong bytes of a block that has some.
  private mutating func examine(_ block: Range<Int>, of piece: RawSpan) {
    for offset in block {
      let expected = pattern.byte(at: streamOffset + offset)
      let actual = unsafe piece.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      guard actual != expected else { continue }
      wrongByteCount += 1
      guard mismatches.count < Self.mismatchLimit else { continue }
      mismatches.append(
        Mismatch(
          streamOffset: streamOffset + offset, pieceOffset: offset, expected: expected,
          actual: actual))
    }
  }
}

/// A block of a pattern and one period more: one call compares any block of `blockSize` bytes with
/// it, or copies one from it, wherever in the pattern the block begins. The validator compares, the
/// generator copies.
@usableFromInline
struct PatternTable: Sendable {
  /// The length of a block in bytes: whole periods, so that the next block begins at the same
  /// phase; as much as a jumbo frame holds, and no more than a third of a small L1 cache.
  @usableFromInline let blockSize: Int

  /// After how many bytes the pattern repeats.
  @usableFromInline let period: Int

  @usableFromInline let bytes: [UInt8]

  /// Writes a pattern out.
  init(_ pattern: Pattern) {
    period = pattern.period
    blockSize = 9216 / period * period
    bytes = (0..<blockSize + period).map(pattern.byte)
  }

  /// Whether a block is the pattern. The corresponding C function is `memcmp`, whose vector code
  /// outruns any loop that the compiler makes of this.
  ///
  /// - Parameters:
  ///   - block: 1 to `blockSize` bytes.
  ///   - phase: Where the first one is, below the period.
  @inlinable
  @inline(__always)
  func matches(_ block: RawSpan, at phase: Int) -> Bool {
    unsafe bytes.withUnsafeBytes { table in
      unsafe block.withUnsafeBytes { block in
        unsafe memcmp(block.baseAddress!, table.baseAddress! + phase, block.count) == 0
      }
    }
  }

  /// Writes the pattern into a buffer of any length, from a phase below the period on. The
  /// corresponding C function is `memcpy`.
  func fill(_ buffer: inout MutableRawSpan, at phase: Int) {
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
