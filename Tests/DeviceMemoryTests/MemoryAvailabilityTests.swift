// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import TestSupport
import Testing

struct MemoryAvailabilityTests {
  private let host: Directory

  init() throws { host = try Directory() }

  @Test("each kind is listed; what is not ready says what would provide it")
  func listsEachKind() {
    let all = MemoryAvailability.all()
    for kind in ["udmabuf", "heap"] {
      #expect(all.contains { $0.kind.name.prefix { $0 != ":" } == kind })
    }
    for memory in all {
      #expect(!memory.seen.isEmpty)
      #expect((memory.state == .ready) == (memory.remedy == nil))
    }
  }

  @Test("a device that is not there makes its memory missing")
  func needsDevice() throws {
    let missing = UDMABuf.availability(on: host.files)
    #expect(missing.state == .missing)
    #expect(missing.seen == "no /dev/udmabuf")
    #expect(missing.remedy?.contains("CONFIG_UDMABUF") == true)
    try host.write("", to: "dev/udmabuf")
    #expect(UDMABuf.availability(on: host.files).state == .ready)
  }

  @Test("a device that the kernel has and whose node is not there is given to the container")
  func needsNode() throws {
    try host.write("", to: "sys/class/misc/udmabuf/dev")
    try host.write("", to: "sys/class/dma_heap/system/dev")
    for (memory, node) in [
      (UDMABuf.availability(on: host.files), "/dev/udmabuf"),
      (DMAHeap.availability(on: host.files)[0], "/dev/dma_heap/system"),
    ] {
      #expect(memory.state == .missing)
      #expect(memory.remedy == "the kernel has it: start the container with --device \(node)")
    }
  }

  @Test("the driver's parameter and the huge pages bound a udmabuf")
  func boundsUDMABuf() throws {
    try host.write("", to: "dev/udmabuf")
    try host.write("64\n", to: "sys/module/udmabuf/parameters/size_limit_mb")
    let pool = String(UDMABuf.PageSize.huge2MiB.pool.dropFirst())
    try host.write("32\n", to: pool + "/nr_hugepages")
    try host.write("31\n", to: pool + "/free_hugepages")
    #expect(
      UDMABuf.availability(on: host.files).limits
        == ["at most 64 MiB (size_limit_mb)", "31 of 32 huge pages of 2 MiB free"])
  }

  @Test("each heap is one kind of memory; a host without heaps misses the usual one")
  func listsHeaps() throws {
    let none = DMAHeap.availability(on: host.files)
    #expect(none.map(\.kind) == [.heap("system")] && none[0].state == .missing)
    try host.write("", to: "dev/dma_heap/system")
    try host.write("", to: "dev/dma_heap/reserved")
    let heaps = DMAHeap.availability(on: host.files)
    #expect(heaps.map(\.kind.name) == ["heap:reserved", "heap:system"])
    #expect(heaps.allSatisfy { $0.state == .ready })
  }

  @Test(
    "memory satisfies a choice of itself, or of any of its kind",
    arguments: [
      ("udmabuf", .udmabuf(.huge2MiB), true), ("udmabuf", .heap("system"), false),
      ("heap", .heap("system"), true), ("heap", .heap("other"), false),
    ] as [(String, MemoryKind, Bool)])
  func satisfies(device: String, wanted: MemoryKind, answer: Bool) throws {
    try host.write("", to: device == "heap" ? "dev/dma_heap/system" : "dev/udmabuf")
    let udmabuf = UDMABuf.availability(on: host.files)
    let memory = device == "heap" ? DMAHeap.availability(on: host.files)[0] : udmabuf
    #expect(memory.satisfies(wanted) == answer)
  }
}
