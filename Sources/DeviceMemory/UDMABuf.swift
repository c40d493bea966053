// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// Ordinary memory as a dma-buf: a sealed memfd behind `/dev/udmabuf` (`drivers/dma-buf/udmabuf.c`).
package struct UDMABuf: MemoryProvider {
  /// The size of the pages that the memory is made of.
  package enum PageSize: Sendable {
    case base
    case huge2MiB
    case huge1GiB
  }

  private let pageSize: PageSize

  package init(_ pageSize: PageSize = .base) { self.pageSize = pageSize }

  /// Memory whose contiguous pieces hold niovs of `niovSize` bytes: the kernel refuses a binding
  /// with a larger niov than the pieces are (`net/core/devmem.c`, `net_devmem_bind_dmabuf`).
  package init(forNIOVs niovSize: Int) {
    self.init(niovSize > Self.basePageSize ? .huge2MiB : .base)
  }

  package var granularity: Int {
    switch pageSize {
    case .base: Self.basePageSize
    case .huge2MiB: 2 << 20
    case .huge1GiB: 1 << 30
    }
  }

  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let driver = try openDriver()
    let file = try attempt("create a memfd for device memory", hint: memfdHint) {
      () throws(Errno) in
      let file = OwnedDescriptor(
        owning: try retrying { unsafe CLinux_memfd_create("ncdevmem", memfdFlags) })
      try retrying { ftruncate(file.rawValue, byteCount) }
      // The driver takes a file that cannot shrink under it, and none that is sealed for writing.
      try retrying { CLinux_add_seals(file.rawValue, CLinux_F_SEAL_SHRINK) }
      return file
    }
    let subject = "of \(byteCount) bytes"
    let dmabuf = try attempt("make a udmabuf", on: subject, hint: createHint) { () throws(Errno) in
      var request = udmabuf_create(
        memfd: UInt32(file.rawValue), flags: UInt32(UDMABUF_FLAGS_CLOEXEC), offset: 0,
        size: UInt64(byteCount))
      return OwnedDescriptor(
        owning: try retrying {
          unsafe CLinux_ioctl(driver.rawValue, CLinux_UDMABUF_CREATE, &request)
        })
    }
    // A consumed parameter cannot be captured by the closure that `attempt` runs.
    do throws(Errno) {
      return try DeviceBuffer(dmabuf: dmabuf, byteCount: byteCount)
    } catch {
      throw Failure("map a udmabuf", on: subject, errno: error)
    }
  }

  private func openDriver() throws(Failure) -> OwnedDescriptor {
    do throws(Errno) {
      return OwnedDescriptor(
        owning: try retrying { unsafe open("/dev/udmabuf", O_RDWR | O_CLOEXEC) })
    } catch {
      switch error {
      case .noEntry, .noDevice, Errno(ENXIO):
        throw Failure(
          "open", on: "/dev/udmabuf", errno: error,
          hint: "load the udmabuf module, or use a kernel with CONFIG_UDMABUF",
          kind: .unsupported)
      default:
        throw Failure(
          "open", on: "/dev/udmabuf", errno: error, hint: "run as root or join its group")
      }
    }
  }

  private var memfdFlags: CUnsignedInt {
    let common = CLinux_MFD_CLOEXEC | CLinux_MFD_ALLOW_SEALING
    return switch pageSize {
    case .base: common
    case .huge2MiB: common | CLinux_MFD_HUGETLB | CLinux_MFD_HUGE_2MB
    case .huge1GiB: common | CLinux_MFD_HUGETLB | CLinux_MFD_HUGE_1GB
    }
  }

  private var memfdHint: String? {
    pageSize == .base ? nil : "this kernel may lack huge pages of \(granularity >> 20) MiB"
  }

  private var createHint: String {
    guard pageSize != .base else {
      return "see size_limit_mb and list_limit in /sys/module/udmabuf/parameters"
    }
    let size = granularity >> 10
    return """
      reserve huge pages in /sys/kernel/mm/hugepages/hugepages-\(size)kB/nr_hugepages; those of a \
      run that has just ended can take some seconds to come back
      """
  }

  private static let basePageSize = sysconf(CInt(_SC_PAGESIZE))
}
