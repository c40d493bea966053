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

    /// Size in bytes.
    var byteCount: Int {
      switch self {
      case .base: sysconf(CInt(_SC_PAGESIZE))
      case .huge2MiB: 2 << 20
      case .huge1GiB: 1 << 30
      }
    }

    /// Where the kernel tells of its pool of huge pages of this size.
    var pool: String { "/sys/kernel/mm/hugepages/hugepages-\(byteCount >> 10)kB" }
  }

  static let device = "/dev/udmabuf"

  private let pageSize: PageSize

  package init(_ pageSize: PageSize = .base) { self.pageSize = pageSize }

  /// Memory whose contiguous pieces hold niovs of `niovSize` bytes: the kernel refuses a binding
  /// with a larger niov than the pieces are (`net/core/devmem.c`, `net_devmem_bind_dmabuf`).
  package init(forNIOVs niovSize: Int) {
    self.init(niovSize > PageSize.base.byteCount ? .huge2MiB : .base)
  }

  package var granularity: Int { pageSize.byteCount }

  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let driver = try openDriver()
    let file = try makeFile(byteCount: byteCount)
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
    return try DeviceBuffer(mapping: dmabuf, named: "a udmabuf \(subject)")
  }

  private func makeFile(byteCount: Int) throws(Failure) -> OwnedDescriptor {
    do throws(Errno) {
      let file = OwnedDescriptor(
        owning: try retrying { unsafe CLinux_memfd_create("ncdevmem", memfdFlags) })
      try retrying { ftruncate(file.rawValue, byteCount) }
      // The driver takes a file that cannot shrink under it, and none that is sealed for writing.
      try retrying { CLinux_add_seals(file.rawValue, CLinux_F_SEAL_SHRINK) }
      return file
    } catch {
      // `hugetlb_file_setup`: no pool of that size, or no such pages in this kernel at all.
      let lacksPages = (error == .noDevice || error == Errno(ENOSYS)) && pageSize != .base
      throw Failure(
        "create a memfd for device memory", errno: error,
        reason: lacksPages ? "this host has no huge pages of \(granularity >> 20) MiB" : nil,
        hint: lacksPages ? "it takes CONFIG_HUGETLBFS and a processor that has them" : nil,
        kind: lacksPages ? .unsupported : .failed)
    }
  }

  private func openDriver() throws(Failure) -> OwnedDescriptor {
    do throws(Errno) {
      return OwnedDescriptor(
        owning: try retrying { unsafe open(Self.device, O_RDWR | O_CLOEXEC) })
    } catch {
      switch error {
      case .noEntry, .noDevice, Errno(ENXIO):
        throw Failure(
          "open", on: Self.device, errno: error, hint: Self.remedy, kind: .unsupported)
      default:
        throw Failure("open", on: Self.device, errno: error, hint: "run as root or join its group")
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

  private var createHint: String {
    guard pageSize != .base else {
      return "see size_limit_mb and list_limit in /sys/module/udmabuf/parameters"
    }
    return """
      reserve huge pages in \(pageSize.pool)/nr_hugepages; those of a run that has just ended can \
      take some seconds to come back
      """
  }
}
