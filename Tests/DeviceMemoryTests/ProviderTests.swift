// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Glibc
import Kernel
import TestSupport
import Testing

struct ProviderTests {
  private func failure(of kind: MemoryKind, byteCount: Int = pageSize) -> Failure? {
    failing { () throws(Failure) in
      let provider = kind.provider(near: "lo")
      return try provider.allocate(byteCount: provider.roundedUp(byteCount)).byteCount
    }
  }

  @Test("a descriptor that is not open, or no dma-buf, is refused")
  func refusesDescriptors() throws {
    let closed = failure(of: .descriptor(Descriptor(9999)))
    #expect(closed?.errno == .badDescriptor)
    #expect(closed?.kind == .failed)
    let memfd = OwnedDescriptor(owning: try retrying { unsafe CLinux_memfd_create("test", 0) })
    #expect(failure(of: .descriptor(memfd.borrowed))?.reason == "it is not a dma-buf")
  }

  @Test("a failure to find a heap names those that are there")
  func namesHeaps() {
    let nosuch = failure(of: .heap("nosuch"))
    #expect(nosuch?.kind == .unsupported)
    #expect(nosuch?.subject == "/dev/dma_heap/nosuch")
    #expect(nosuch?.hint?.isEmpty == false)
  }

  @Test("a failure to find a DRM device names a driver that would do")
  func namesDriver() {
    for choice in [DRMMemory.Choice.driver("nosuch"), .node("/dev/dri/nosuch")] {
      let failure = failure(of: .drm(choice))
      #expect(failure?.kind == .unsupported)
      #expect(failure?.hint?.contains("vgem") == true)
    }
  }

  @Test("a dumb buffer is smaller than 4 GiB")
  func refusesLargeBuffers() {
    let failure = failure(of: .drm(.any), byteCount: 4 << 30)
    #expect(failure?.reason?.contains("4 GiB") == true)
  }

  @Test("large buffers take huge pages unless the pages are chosen")
  func choosesPages() {
    func granularity(_ kind: MemoryKind, _ bufferSize: UInt32? = nil) -> Int {
      kind.provider(near: "lo", forBuffersOf: bufferSize).granularity
    }
    let large = UInt32(4 * pageSize)
    #expect(granularity(.udmabuf(nil)) == pageSize)
    #expect(granularity(.udmabuf(nil), large) == 2 << 20)
    #expect(granularity(.udmabuf(.huge1GiB)) == 1 << 30)
    #expect(granularity(.udmabuf(.base), large) == pageSize)
  }
}
