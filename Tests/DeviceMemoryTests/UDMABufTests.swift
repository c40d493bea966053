// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import TestSupport
import Testing

struct UDMABufTests {
  @Test("memory is rounded up to whole pages, and to huge pages for buffers above a page")
  func roundsUp() {
    #expect(UDMABuf().roundedUp(1) == pageSize)
    #expect(UDMABuf().roundedUp(2 * pageSize) == 2 * pageSize)
    #expect(UDMABuf(forBuffersOf: UInt32(pageSize)).granularity == pageSize)
    #expect(UDMABuf(forBuffersOf: UInt32(4 * pageSize)).roundedUp(65_536_000) == 32 << 21)
  }

  @Test("new memory is all zero", .requires(device: "/dev/udmabuf"))
  func isZeroed() throws {
    let buffer = try UDMABuf().allocate(byteCount: 8 * pageSize)
    try buffer.beginReading(0..<buffer.byteCount)
    let bytes = buffer.bytes
    let zeros = bytes.byteOffsets.count {
      unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == 0
    }
    #expect(zeros == 8 * pageSize)
    try buffer.endReading()
  }

  @Test("a size that is not whole pages is refused", .requires(device: "/dev/udmabuf"))
  func refusesPartOfAPage() throws {
    #expect(throws: Failure.self) {
      _ = try UDMABuf().allocate(byteCount: pageSize + 904).byteCount
    }
  }
}
