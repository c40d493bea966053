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

  @Test("what is written through the mapping is read back", .requires(device: "/dev/udmabuf"))
  func writesAndReads() throws {
    var buffer = try UDMABuf().allocate(byteCount: 8 * 4096)
    #expect(buffer.byteCount == 8 * 4096)
    try buffer.beginAccess(.write)
    var bytes = buffer.mutableBytes
    bytes.storeBytes(of: 0x1234_5678, toByteOffset: 4096, as: UInt32.self)
    try buffer.endAccess(.write)
    try buffer.beginAccess(.read)
    #expect(unsafe buffer.bytes.unsafeLoad(fromByteOffset: 4096, as: UInt32.self) == 0x1234_5678)
    try buffer.endAccess(.read)
  }

  @Test("a size that is not whole pages is refused", .requires(device: "/dev/udmabuf"))
  func refusesPartOfAPage() throws {
    #expect(throws: Failure.self) { _ = try UDMABuf().allocate(byteCount: 5000).byteCount }
  }
}
