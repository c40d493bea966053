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

  @Test("a refusal is explained by the driver's limit, or by the lack of pages, where it is that")
  func explainsRefusals() throws {
    let host = try Directory()
    func hint(_ errno: Errno, _ pages: UDMABuf.PageSize, _ byteCount: Int = 64 << 20) -> String? {
      UDMABuf(pages).hint(for: errno, byteCount: byteCount, on: host.files)
    }
    #expect(hint(.invalidArgument, .base) == nil)
    try host.write("64\n", to: "sys/module/udmabuf/parameters/size_limit_mb")
    let raise = "write 65 to /sys/module/udmabuf/parameters/size_limit_mb"
    for pages in [UDMABuf.PageSize.base, .huge2MiB] {
      #expect(hint(.invalidArgument, pages, (64 << 20) + 1) == raise)
      #expect(hint(.tooManyOpenFiles, pages)?.contains("ulimit -n") == true)
    }
    #expect(hint(.invalidArgument, .base) == nil)
    #expect(hint(.outOfMemory, .base)?.contains("--memory-size") == true)
    #expect(hint(.outOfMemory, .huge2MiB)?.contains("hugepages-2048kB/nr_hugepages") == true)
    #expect(hint(.invalidArgument, .huge1GiB)?.contains("hugepages-1048576kB") == true)
  }

  @Test("ordinary memory that the host cannot give is refused before the kernel looks for it")
  func refusesWhatIsNotThere() throws {
    let host = try Directory()
    try requireAvailable(1 << 40, to: "make", "it", on: host.files)
    try host.write("MemAvailable:    100 kB\nSwapFree:  28 kB\n", to: "proc/meminfo")
    try requireAvailable(128 << 10, to: "make", "it", on: host.files)
    let failure = failing { () throws(Failure) in
      try requireAvailable((128 << 10) + 1, to: "make", "it", on: host.files)
    }
    #expect(failure?.line == "cannot make it: the host has 0 MiB available")
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
