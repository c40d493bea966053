// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory

/// Which range of a memory to read after one call of the kernel.
///
/// Mapped memory is read as a whole. Of other memory, one range holds all pieces: the NIC is given its
/// lowest memory first, so that they lie close together, and the start of a copy costs more than some
/// bytes in between.
struct RangeToRead {
  /// Whether it is all of the memory, wherever pieces lie.
  let isWhole: Bool
  private let byteCount: Int
  private var low: Int
  private var high = 0

  /// Nothing of a memory yet, unless it is mapped.
  init(of memory: borrowing some ReadableMemory & ~Copyable) {
    isWhole = memory.isMapped
    byteCount = memory.bytes.byteCount
    low = byteCount
  }

  /// Takes a piece in. One that is not within the memory is left out: it is refused later.
  mutating func extend(to start: Int, count: Int) {
    guard start <= byteCount - count else { return }
    low = min(low, start)
    high = max(high, start + count)
  }

  /// The range.
  var value: Range<Int> { isWhole ? 0..<byteCount : low < high ? low..<high : 0..<0 }
}
