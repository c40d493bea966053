// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Glibc
import Testing

struct MemoryAvailabilityTests {
  @Test("each kind is told of; what is not ready says what would provide it")
  func tellsOfEachKind() {
    let all = MemoryAvailability.all()
    for kind in ["udmabuf", "heap"] {
      #expect(all.contains { $0.name.prefix { $0 != ":" } == kind })
    }
    for memory in all {
      #expect(!memory.seen.isEmpty)
      #expect((memory.state == .ready) == (memory.remedy == nil))
    }
  }

  @Test("a device that is not there makes its memory missing")
  func tellsOfDevice() throws {
    let udmabuf = UDMABuf.availability
    let isThere = unsafe access("/dev/udmabuf", F_OK) == 0
    #expect((udmabuf.state == .missing) == !isThere)
    if !isThere { #expect(udmabuf.remedy?.contains("CONFIG_UDMABUF") == true) }
  }
}
