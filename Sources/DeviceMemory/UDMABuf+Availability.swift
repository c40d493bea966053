// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel

extension UDMABuf {
  /// What would provide the driver.
  static let remedy = "load the udmabuf module, or use a kernel with CONFIG_UDMABUF"

  /// Whether this host has the driver, and what bounds its memory.
  package static var availability: MemoryAvailability {
    guard unsafe access(device, F_OK) == 0 else {
      return MemoryAvailability("udmabuf", .missing, seen: "no \(device)", remedy: remedy)
    }
    return MemoryAvailability("udmabuf", device: device, limits: driverLimits + hugePages)
  }

  /// The driver's parameters (`drivers/dma-buf/udmabuf.c`): the size of a buffer, and how many
  /// pieces one may be made of, which here is one.
  private static var driverLimits: [String] {
    guard let size = SystemFile.number(at: "/sys/module/udmabuf/parameters/size_limit_mb") else {
      return []
    }
    return ["at most \(size) MiB (size_limit_mb)"]
  }

  private static var hugePages: [String] {
    [(PageSize.huge2MiB, "2 MiB"), (.huge1GiB, "1 GiB")].compactMap { size, words in
      let pool = size.pool
      guard let reserved = SystemFile.number(at: pool + "/nr_hugepages"),
        let free = SystemFile.number(at: pool + "/free_hugepages")
      else { return nil }
      return "\(free) of \(reserved) huge pages of \(words) free"
    }
  }
}
