// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Testing
import Uring

struct RefillRingTests {
  private static let offsets = (head: 0, tail: 64, entries: 128)
  private static let capacity = Int(RefillRing.capacity)

  /// A ring, and a second view of its memory: the kernel's.
  private struct Pair: ~Copyable {
    var ring: RefillRing
    private let view: Mapping

    init(startingAt count: UInt32 = 0) throws {
      let file = OwnedDescriptor(owning: try retrying { unsafe CLinux_memfd_create("test", 0) })
      try retrying { ftruncate(file.rawValue, RefillRing.byteCount) }
      let view = try Mapping(file, count: RefillRing.byteCount)
      let memory = try Mapping(file, count: RefillRing.byteCount)
      unsafe view.base.storeBytes(of: count, toByteOffset: offsets.head, as: UInt32.self)
      unsafe view.base.storeBytes(of: count, toByteOffset: offsets.tail, as: UInt32.self)
      ring = RefillRing(memory, offsets: offsets, token: 3 << 48)
      self.view = view
    }

    func word(_ offset: Int) -> UInt32 {
      unsafe view.base.load(fromByteOffset: offset, as: UInt32.self)
    }

    func entry(_ index: Int) -> CLinux_zcrx_rqe {
      unsafe view.base.load(fromByteOffset: offsets.entries + 16 * index, as: CLinux_zcrx_rqe.self)
    }

    func take(_ count: UInt32) {
      unsafe view.base.storeBytes(
        of: word(offsets.head) &+ count, toByteOffset: offsets.head, as: UInt32.self)
    }

    func copy(_ count: UInt64) {
      let offset = RefillRing.statisticsOffset + MemoryLayout<UInt64>.size
      unsafe view.base.storeBytes(of: count, toByteOffset: offset, as: UInt64.self)
    }
  }

  @Test("the kernel sees a piece, with its area, once that is published")
  func publishes() throws {
    var pair = try Pair()
    let isTaken = pair.ring.append(offset: 4096, size: 1448)
    #expect(isTaken)
    #expect(pair.word(Self.offsets.tail) == 0)
    pair.ring.publish()
    #expect(pair.word(Self.offsets.tail) == 1)
    #expect(pair.entry(0).off == 3 << 48 | 4096)
    #expect(pair.entry(0).len == 1448)
    let before = pair.ring.count
    pair.take(1)
    let after = pair.ring.count
    #expect([before, after] == [1, 0])
  }

  @Test("a full ring takes no more until the kernel has read, across the counters' end")
  func fills() throws {
    var pair = try Pair(startingAt: UInt32.max - 10)
    for index in 0..<Self.capacity {
      let isTaken = pair.ring.append(offset: index, size: 1)
      #expect(isTaken)
    }
    var isTaken = pair.ring.append(offset: 7, size: 1)
    #expect(!isTaken)
    pair.take(1)
    isTaken = pair.ring.append(offset: 8, size: 1)
    #expect(isTaken)
    pair.ring.publish()
    #expect(pair.word(Self.offsets.tail) == UInt32.max - 10 &+ UInt32(Self.capacity) &+ 1)
    // In the place of the piece that was read.
    #expect(pair.entry((Int(UInt32.max) - 10) % Self.capacity).off == 3 << 48 | 8)
  }

  @Test("the kernel's count of copied bytes is behind all pieces")
  func countsCopies() throws {
    let pair = try Pair()
    let before = pair.ring.copiedByteCount
    pair.copy(1234)
    let after = pair.ring.copiedByteCount
    #expect([before, after] == [0, 1234])
    #expect(RefillRing.statisticsOffset >= Self.offsets.entries + 16 * Self.capacity)
    #expect(RefillRing.statisticsOffset % MemoryLayout<UInt64>.alignment == 0)
  }
}
