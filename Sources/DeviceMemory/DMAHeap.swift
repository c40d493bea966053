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

  package init(named name: String) { self.name = name }

  package var granularity: Int { Self.pageSize }

  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let heap = try open()
    let subject = "\(byteCount) bytes of the heap \(name)"
    let dmabuf = try attempt("allocate", on: subject) { () throws(Errno) in
      var request = dma_heap_allocation_data(
        len: UInt64(byteCount), fd: 0, fd_flags: UInt32(O_RDWR | O_CLOEXEC), heap_flags: 0)
      try retrying { unsafe CLinux_ioctl(heap.rawValue, CLinux_DMA_HEAP_IOCTL_ALLOC, &request) }
      return OwnedDescriptor(owning: CInt(bitPattern: request.fd))
    }
    return try DeviceBuffer(mapping: dmabuf, named: subject)
  }

  private func open() throws(Failure) -> OwnedDescriptor {
    let path = "\(Self.directory)/\(name)"
    do throws(Errno) {
      return OwnedDescriptor(
        owning: try retrying { unsafe Glibc.open(path, O_RDWR | O_CLOEXEC) })
    } catch {
      guard [.noEntry, .noDevice, Errno(ENXIO), Errno(ENOTDIR)].contains(error) else {
        throw Failure("open", on: path, errno: error, hint: "run as root or join its group")
      }
      let others = SystemFile.names(in: Self.directory)
      throw Failure(
        "open", on: path, errno: error,
        hint: others.isEmpty ? Self.remedy : "this host has: \(others.joined(separator: ", "))",
        kind: .unsupported)
    }
  }

  /// The host's heaps, or that there is none.
  package static var availability: [MemoryAvailability] {
    let names = SystemFile.names(in: directory)
    guard !names.isEmpty else {
      return [
        MemoryAvailability("heap:system", .missing, seen: "no \(directory)", remedy: remedy)
      ]
    }
    return names.map { MemoryAvailability("heap:\($0)", device: "\(directory)/\($0)", limits: []) }
  }

  private static let pageSize = sysconf(CInt(_SC_PAGESIZE))
}
