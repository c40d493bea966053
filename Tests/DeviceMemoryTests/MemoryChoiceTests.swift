// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import TestSupport
import Testing

struct MemoryChoiceTests {
  @Test("without a size it takes 16000 pages", .requires(device: "/dev/udmabuf"))
  func takesPreset() throws {
    let byteCount = try MemoryChoice().allocate(near: "lo").byteCount
    #expect(byteCount == MemoryChoice.defaultByteCount)
  }

  @Test("a size is rounded up to what the memory is made of", .requires(device: "/dev/udmabuf"))
  func roundsUp() throws {
    let byteCount = try MemoryChoice(byteCount: 1).allocate(near: "lo").byteCount
    #expect(byteCount == pageSize)
  }

  @Test("memory that has its size already is taken as it is", .requires(device: "/dev/udmabuf"))
  func takesAllOfGiven() throws {
    let given = try UDMABuf().allocate(byteCount: 2 * pageSize)
    let choice = MemoryChoice(kind: .descriptor(given.descriptor.borrowed))
    let byteCount = try choice.allocate(near: "lo").byteCount
    #expect(byteCount == 2 * pageSize)
  }
}
