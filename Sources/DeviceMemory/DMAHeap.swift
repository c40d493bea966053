// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// Memory of one of the kernel's dma-buf heaps (`drivers/dma-buf/dma-heap.c`): `system` for
/// scattered pages, others for contiguous or otherwise special ones.
package struct DMAHeap: MemoryProvider {
  private static let directory = "/dev/dma_heap"
  private static let remedy = """
    use a kernel with CONFIG_DMABUF_HEAPS and, for the heap `system`, CONFIG_DMABUF_HEAPS_SYSTEM
    """

  /// The heap's name, such as `system`.
  private let name: String

  /// Names a heap, which need not be there.
  package init(named name: String) { self.name = name }

  /// A page.
  package var granularity: Int { pageSize }

  /// Allocates from the heap. The corresponding C constant is `DMA_HEAP_IOCTL_ALLOC`.
  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let heap = try OwnedDescriptor(
      device: "\(Self.directory)/\(name)", remedy: Self.remedy(forMissing: name))
    let subject = "\(byteCount) bytes of the heap \(name)"
    if name == Self.ordinary { try requireAvailable(byteCount, to: "allocate", subject) }
    let dmabuf = try attempt("allocate", on: subject) { () throws(Errno) in
      var request = dma_heap_allocation_data(
        len: UInt64(byteCount), fd: 0, fd_flags: UInt32(O_RDWR | O_CLOEXEC), heap_flags: 0)
      try retrying { unsafe CLinux_ioctl(heap.rawValue, CLinux_DMA_HEAP_IOCTL_ALLOC, &request) }
      return OwnedDescriptor(owning: CInt(bitPattern: request.fd))
    }
    return try DeviceBuffer(mapping: dmabuf, named: subject)
  }

  /// The heap of ordinary memory.
  private static let ordinary = "system"

  /// What makes a heap available that has no device node.
  private static func remedy(
    forMissing name: String, on host: SystemFiles = SystemFiles()
  ) -> String {
    let node = "\(directory)/\(name)"
    if let remedy = OwnedDescriptor.remedy(
      forMissing: node, of: "/sys/class/dma_heap/\(name)", on: host)
    {
      return remedy
    }
    let others = names(on: host)
    return others.isEmpty ? remedy : "this host has: \(others.joined(separator: ", "))"
  }

  private static func names(on host: SystemFiles) -> [String] {
    host.names(in: directory)
  }

  /// The host's heaps, or that there is none.
  package static func availability(
    on host: SystemFiles = SystemFiles()
  ) -> [MemoryAvailability] {
    let names = names(on: host)
    guard !names.isEmpty else {
      return [
        MemoryAvailability(
          of: .heap(ordinary), .missing, seen: "no \(directory)",
          remedy: remedy(forMissing: ordinary, on: host))
      ]
    }
    return names.map {
      MemoryAvailability(of: .heap($0), behind: "\(directory)/\($0)", on: host)
    }
  }
}
