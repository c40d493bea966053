// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A dma-buf that is mapped into this process. Memory and mapping go away with their owner, the
/// memory itself once the kernel has no binding left that uses it.
package struct DeviceBuffer: ~Copyable {
  /// The dma-buf.
  package let descriptor: OwnedDescriptor
  private var mapping: Mapping

  /// Maps a dma-buf of `byteCount` bytes.
  package init(dmabuf descriptor: consuming OwnedDescriptor, byteCount: Int) throws(Errno) {
    mapping = try Mapping(descriptor, count: byteCount)
    self.descriptor = descriptor
  }

  /// Size in bytes.
  package var byteCount: Int { mapping.count }

  /// The memory, to be read between `beginAccess(.read)` and `endAccess(.read)`.
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get { mapping.bytes }
  }

  /// The memory, to be written between `beginAccess(.write)` and `endAccess(.write)`.
  package var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get { mapping.mutableBytes }
  }

  /// What the CPU is about to do with the memory, or has done.
  package enum Access: Sendable {
    case read
    case write
  }

  /// Makes what the device wrote visible to the CPU. The kernel leaves this to the application for
  /// devmem (`net/core/devmem.c`, `mp_dmabuf_devmem_init`: no `dma_sync`).
  /// The corresponding C constant is `DMA_BUF_IOCTL_SYNC` with `DMA_BUF_SYNC_START`.
  package func beginAccess(_ access: Access) throws(Errno) {
    try synchronize(CLinux_DMA_BUF_SYNC_START, access)
  }

  /// Ends what `beginAccess` began. The corresponding C constant is `DMA_BUF_SYNC_END`.
  package func endAccess(_ access: Access) throws(Errno) {
    try synchronize(CLinux_DMA_BUF_SYNC_END, access)
  }

  private func synchronize(_ edge: UInt64, _ access: Access) throws(Errno) {
    let direction = access == .read ? CLinux_DMA_BUF_SYNC_READ : CLinux_DMA_BUF_SYNC_WRITE
    var request = dma_buf_sync(flags: edge | direction)
    try retrying { unsafe CLinux_ioctl(descriptor.rawValue, CLinux_DMA_BUF_IOCTL_SYNC, &request) }
  }
}
