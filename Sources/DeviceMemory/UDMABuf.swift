// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// Ordinary memory as a dma-buf: a sealed memfd behind `/dev/udmabuf`
/// (`drivers/dma-buf/udmabuf.c`).
package struct UDMABuf: MemoryProvider {
  /// The size of the pages that the memory is made of.
  package enum PageSize: Sendable {
    /// The kernel's own pages.
    case base
    /// Huge pages of 2 MiB.
    case huge2MiB
    /// Huge pages of 1 GiB.
    case huge1GiB

    /// Size in bytes.
    package var byteCount: Int {
      switch self {
      case .base: pageSize
      case .huge2MiB: 2 << 20
      case .huge1GiB: 1 << 30
      }
    }

    /// The directory in which the kernel describes its pool of huge pages of this size.
    package var pool: String { "/sys/kernel/mm/hugepages/hugepages-\(byteCount >> 10)kB" }
  }

  private static let device = "/dev/udmabuf"
  private static let parameters = "/sys/module/udmabuf/parameters"

  private static func remedy(on host: SystemFiles = SystemFiles()) -> String {
    OwnedDescriptor.remedy(forMissing: device, of: "/sys/class/misc/udmabuf", on: host)
      ?? "load the udmabuf module, or use a kernel with CONFIG_UDMABUF"
  }

  private let pages: PageSize

  /// Memory of pages of one size.
  package init(_ pages: PageSize = .base) { self.pages = pages }

  /// Memory whose contiguous pieces hold the NIC's buffers: the kernel refuses a binding with a
  /// larger niov than the pieces are (`net/core/devmem.c`, `net_devmem_bind_dmabuf`).
  ///
  /// - Parameter size: The size of a buffer in bytes; a page if `nil`.
  package init(forBuffersOf size: UInt32?) { self.init(.holding(buffersOf: size)) }

  /// The size of a page.
  package var granularity: Int { pages.byteCount }

  /// Makes a udmabuf of a new file. The corresponding C constant is `UDMABUF_CREATE`.
  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let driver = try OwnedDescriptor(device: Self.device, remedy: Self.remedy())
    let operation = "make a udmabuf"
    let subject = "of \(byteCount) bytes"
    if pages == .base { try requireAvailable(byteCount, to: operation, subject) }
    let file = try pages.makeFile(byteCount: byteCount)
    let dmabuf: OwnedDescriptor
    do throws(Errno) {
      var request = udmabuf_create(
        memfd: UInt32(file.rawValue), flags: UInt32(UDMABUF_FLAGS_CLOEXEC), offset: 0,
        size: UInt64(byteCount))
      dmabuf = OwnedDescriptor(
        owning: try retrying {
          unsafe CLinux_ioctl(driver.rawValue, CLinux_UDMABUF_CREATE, &request)
        })
    } catch {
      throw Failure(
        operation, on: subject, errno: error, hint: hint(for: error, byteCount: byteCount))
    }
    // Closed now, the file would give its pages up one by one, which delays the start of a run; they
    // belong to the dma-buf as well, and go together at its end.
    return try DeviceBuffer(mapping: dmabuf, named: "a udmabuf \(subject)", madeOf: file)
  }

  /// What helps against a refusal of the driver (`drivers/dma-buf/udmabuf.c`, `udmabuf_create`).
  ///
  /// - Parameter byteCount: What was asked for.
  package func hint(
    for errno: Errno, byteCount: Int, on host: SystemFiles = SystemFiles()
  ) -> String? {
    if errno == .tooManyOpenFiles { return "raise the limit (ulimit -n)" }
    if errno == .invalidArgument, let remedy = Self.remedy(forLimitOf: byteCount, on: host) {
      return remedy
    }
    guard pages != .base else {
      return errno == .outOfMemory ? "choose less memory (--memory-size)" : nil
    }
    return pages.reservation
  }

  /// What lets the driver make a buffer that is larger than it may be; `nil` where it is not.
  package static func remedy(
    forLimitOf byteCount: Int, on host: SystemFiles = SystemFiles()
  ) -> String? {
    guard let limit = sizeLimit(on: host), byteCount > limit << 20 else { return nil }
    return "write \((byteCount + (1 << 20) - 1) >> 20) to \(parameters)/size_limit_mb"
  }

  /// The largest buffer that the driver makes, in MiB; `nil` where it does not say.
  package static func sizeLimit(on host: SystemFiles) -> Int? {
    host.number("\(parameters)/size_limit_mb")
  }

  /// Whether this host has the driver, and what bounds its memory.
  package static func availability(on host: SystemFiles = SystemFiles()) -> MemoryAvailability {
    guard host.resolved(device) != nil else {
      return MemoryAvailability(
        of: .udmabuf(nil), .missing, seen: "no \(device)", remedy: remedy(on: host))
    }
    return MemoryAvailability(
      of: .udmabuf(nil), behind: device, on: host,
      limits: driverLimits(on: host) + hugePages(on: host))
  }

  /// The driver's parameters (`drivers/dma-buf/udmabuf.c`): the size of a buffer, and how many
  /// pieces one may be made of, which here is one.
  private static func driverLimits(on host: SystemFiles) -> [String] {
    guard let size = sizeLimit(on: host) else { return [] }
    return ["at most \(size) MiB (size_limit_mb)"]
  }

  private static func hugePages(on host: SystemFiles) -> [String] {
    [(PageSize.huge2MiB, "2 MiB"), (.huge1GiB, "1 GiB")].compactMap { size, words in
      guard let reserved = host.number(size.pool + "/nr_hugepages"),
        let free = host.number(size.pool + "/free_hugepages")
      else { return nil }
      return "\(free) of \(reserved) huge pages of \(words) free"
    }
  }
}

extension UDMABuf.PageSize {
  /// The pages whose contiguous pieces hold buffers of a size in bytes; those of a page if `nil`.
  package static func holding(buffersOf size: UInt32?) -> Self {
    Int(size ?? 0) > pageSize ? .huge2MiB : .base
  }
}
