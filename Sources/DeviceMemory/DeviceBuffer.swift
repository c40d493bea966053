// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A dma-buf that is mapped into this process. Memory and mapping go away with their owner, the
/// memory itself once the kernel has no binding left that uses it.
package struct DeviceBuffer: ~Copyable, ReadableMemory, WritableMemory {
  /// The dma-buf.
  package let descriptor: OwnedDescriptor
  private var mapping: Mapping

  /// Maps a dma-buf of `byteCount` bytes. The corresponding C function is `mmap`.
  package init(dmabuf descriptor: consuming OwnedDescriptor, byteCount: Int) throws(Errno) {
    mapping = try Mapping(descriptor, count: byteCount)
    self.descriptor = descriptor
  }

  /// Maps a dma-buf.
  ///
  /// - Parameter subject: The memory for people.
  init(
    mapping descriptor: consuming OwnedDescriptor, byteCount: Int, named subject: String
  ) throws(Failure) {
    // A consumed parameter cannot be captured by the closure that `attempt` runs.
    do throws(Errno) {
      try self.init(dmabuf: descriptor, byteCount: byteCount)
    } catch {
      throw Failure(
        "map", on: subject, errno: error,
        hint: "not every exporter of dma-bufs gives the CPU access to its memory")
    }
  }

  /// Size in bytes.
  package var byteCount: Int { mapping.count }

  /// The memory, to be read between `beginReading` and `endReading`.
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get { mapping.bytes }
  }

  /// A part of the memory, to be written between `beginWriting` and `endWriting`.
  @_lifetime(&self)
  package mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan {
    mapping.mutableBytes(in: range)
  }

  /// Makes what the device wrote visible to the CPU. The kernel leaves this to the application for
  /// devmem (`net/core/devmem.c`, `mp_dmabuf_devmem_init`: no `dma_sync`).
  /// The corresponding C constant is `DMA_BUF_IOCTL_SYNC` with `DMA_BUF_SYNC_START`.
  package func beginReading() throws(Errno) {
    try synchronize(CLinux_DMA_BUF_SYNC_START | CLinux_DMA_BUF_SYNC_READ)
  }

  /// Ends what `beginReading` began. The corresponding C constant is `DMA_BUF_SYNC_END`.
  package func endReading() throws(Errno) {
    try synchronize(CLinux_DMA_BUF_SYNC_END | CLinux_DMA_BUF_SYNC_READ)
  }

  /// Begins writing. The corresponding C constant is `DMA_BUF_SYNC_START`.
  package func beginWriting() throws(Errno) {
    try synchronize(CLinux_DMA_BUF_SYNC_START | CLinux_DMA_BUF_SYNC_WRITE)
  }

  /// Makes what the CPU wrote visible to devices. The corresponding C constant is
  /// `DMA_BUF_SYNC_END`.
  package func endWriting() throws(Errno) {
    try synchronize(CLinux_DMA_BUF_SYNC_END | CLinux_DMA_BUF_SYNC_WRITE)
  }

  private func synchronize(_ flags: UInt64) throws(Errno) {
    var request = dma_buf_sync(flags: flags)
    try retrying { unsafe CLinux_ioctl(descriptor.rawValue, CLinux_DMA_BUF_IOCTL_SYNC, &request) }
  }
}
