// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import TestSupport
import Testing

struct UDMABufTests {
  @Test("memory is rounded up to whole pages, and to huge pages for niovs above a page")
  func roundsUp() {
    #expect(UDMABuf().roundedUp(1) == 4096)
    #expect(UDMABuf().roundedUp(8192) == 8192)
    #expect(UDMABuf(forNIOVs: 4096).granularity == 4096)
    #expect(UDMABuf(forNIOVs: 16384).roundedUp(65_536_000) == 32 << 21)
  }

  @Test("new memory is all zero", .requires(device: "/dev/udmabuf"))
  func isZeroed() throws {
    let buffer = try UDMABuf().allocate(byteCount: 8 * 4096)
    try buffer.beginReading(0..<buffer.byteCount)
    let bytes = buffer.bytes
    let zeros = bytes.byteOffsets.count {
      unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == 0
    }
    #expect(zeros == 8 * 4096)
    try buffer.endReading()
  }

  @Test("a size that is not whole pages is refused", .requires(device: "/dev/udmabuf"))
  func refusesPartOfAPage() throws {
    #expect(throws: Failure.self) { _ = try UDMABuf().allocate(byteCount: 5000).byteCount }
  }
}
