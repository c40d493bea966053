// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Sockets

extension ReceiveLoop {
  /// What is to be read of a memory after one call of `recvmsg`.
  ///
  /// Memory that is mapped need not be asked for. Of other memory it is one range that holds all
  /// fragments: a page pool hands out its lowest memory first, so that fragments lie close together,
  /// and the start of a copy costs more than some bytes in between.
  ///
  /// - Returns: A range within the memory, as far as fragments are: others are refused later.
  func rangeToRead<Memory: ReadableMemory & ~Copyable>(
    _ messages: consuming ControlMessages, in memory: borrowing Memory
  ) -> Range<Int> {
    let byteCount = memory.bytes.byteCount
    if memory.isMapped { return 0..<byteCount }
    var low = byteCount
    var high = 0
    while let message = messages.next() {
      guard case .fragment(let fragment) = message, fragment.binding == binding,
        let start = Int(exactly: fragment.offset), start <= byteCount - Int(fragment.size)
      else { continue }
      low = min(low, start)
      high = max(high, start + Int(fragment.size))
    }
    return low < high ? low..<high : 0..<0
  }
}
