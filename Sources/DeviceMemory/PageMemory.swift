// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Memory of the process's own, which is no dma-buf: for io_uring, which takes pages as they are.
package struct PageMemory: MemoryProvider {
  private let pages: UDMABuf.PageSize

  /// Memory of pages of one size.
  package init(_ pages: UDMABuf.PageSize = .base) { self.pages = pages }

  /// The size of a page.
  package var granularity: Int { pages.byteCount }

  /// Makes a file of memory, and maps it.
  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let (operation, subject) = ("map", "\(byteCount) bytes of memory")
    if pages == .base { try requireAvailable(byteCount, to: operation, subject) }
    let file = try pages.makeFile(byteCount: byteCount)
    let hint = pages == .base ? nil : pages.reservation
    let mapping = try attempt(operation, on: subject, hint: hint) {
      () throws(Errno) in
      try Mapping(file, count: byteCount)
    }
    return DeviceBuffer(mapping, of: file)
  }
}
