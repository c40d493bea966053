// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// A dma-buf, and the CPU's way to its memory. Both go away with their owner, the memory itself
/// once the kernel has no binding left that uses it.
@safe package struct DeviceBuffer: ~Copyable, ReadableMemory, WritableMemory {
  /// How the CPU gets at the memory. Not private: an optimised class of another module that holds a
  /// buffer refers to it by name, and would not link.
  enum View: ~Copyable {
    case mapped(Mapping)
    /// By copies that the device's driver makes, of memory that is not for the CPU.
    case copied(CUDABuffer)
  }

  /// The dma-buf.
  package let descriptor: OwnedDescriptor
  /// Size in bytes.
  package let byteCount: Int
  private let view: View
  /// What the dma-buf was made of, closed behind it.
  private let origin: OwnedDescriptor?
  /// Where the mapping or the copy is: `view` keeps it.
  private let base: UnsafeMutableRawPointer

  /// Maps the whole of a dma-buf. The corresponding C function is `mmap`.
  ///
  /// - Parameters:
  ///   - subject: The memory, as messages name it.
  ///   - origin: What the dma-buf was made of, to stay open as long.
  package init(
    mapping descriptor: consuming OwnedDescriptor, named subject: String,
    madeOf origin: consuming OwnedDescriptor? = nil
  ) throws(Failure) {
    // A consumed parameter cannot be captured by the closure that `attempt` runs.
    let mapping: Mapping
    do throws(Errno) {
      let size = try retrying { lseek(descriptor.rawValue, 0, SEEK_END) }
      mapping = try Mapping(descriptor, count: size)
    } catch {
      throw Failure(
        "map", on: subject, errno: error,
        hint: "not every exporter of dma-bufs gives the CPU access to its memory")
    }
    self.descriptor = descriptor
    self.origin = origin
    byteCount = mapping.count
    unsafe base = mapping.base
    view = .mapped(mapping)
  }

  /// A dma-buf that is read and written by copies.
  init(dmabuf descriptor: consuming OwnedDescriptor, copied buffer: consuming CUDABuffer) {
    self.descriptor = descriptor
    origin = nil
    byteCount = buffer.byteCount
    unsafe base = buffer.copy
    view = .copied(buffer)
  }

  /// Whether the CPU reads and writes the memory itself, and not a copy.
  package var isMapped: Bool {
    switch view {
    case .mapped: true
    case .copied: false
    }
  }

  /// The memory, or the copy of it. On the hot path: one load, without a switch over `view`.
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      unsafe _overrideLifetime(
        RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: byteCount), borrowing: self)
    }
  }

  /// A part of the memory, or of the copy of it, to be written.
  ///
  /// - Precondition: the range is within the memory.
  @_lifetime(&self)
  package mutating func mutableBytes(in range: Range<Int>) -> MutableRawSpan {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    return unsafe _overrideLifetime(
      MutableRawSpan(_unsafeStart: base + range.lowerBound, byteCount: range.count),
      mutating: &self)
  }

  /// Makes what the device wrote visible to the CPU. The kernel leaves this to the application for
  /// devmem (`net/core/devmem.c`, `mp_dmabuf_devmem_init`: no `dma_sync`).
  /// The corresponding C constant is `DMA_BUF_IOCTL_SYNC` with `DMA_BUF_SYNC_START`.
  package func beginReading(_ range: Range<Int>) throws(Failure) {
    switch view {
    case .mapped:
      try synchronize(
        CLinux_DMA_BUF_SYNC_START | CLinux_DMA_BUF_SYNC_READ, "begin reading device memory")
    case .copied(let buffer): try buffer.fetch(range)
    }
  }

  /// Ends what `beginReading` began. The corresponding C constant is `DMA_BUF_SYNC_END`.
  package func endReading() throws(Failure) {
    guard isMapped else { return }
    try synchronize(
      CLinux_DMA_BUF_SYNC_END | CLinux_DMA_BUF_SYNC_READ, "end reading device memory")
  }

  /// Begins writing. The corresponding C constant is `DMA_BUF_SYNC_START`.
  package func beginWriting() throws(Failure) {
    guard isMapped else { return }
    try synchronize(
      CLinux_DMA_BUF_SYNC_START | CLinux_DMA_BUF_SYNC_WRITE, "begin writing device memory")
  }

  /// Makes what the CPU wrote visible to devices. The corresponding C constant is
  /// `DMA_BUF_SYNC_END`.
  package func endWriting(_ range: Range<Int>) throws(Failure) {
    switch view {
    case .mapped:
      try synchronize(
        CLinux_DMA_BUF_SYNC_END | CLinux_DMA_BUF_SYNC_WRITE, "end writing device memory")
    case .copied(let buffer): try buffer.store(range)
    }
  }

  /// The ioctl "can fail with -EAGAIN or -EINTR, in which case it must be restarted"
  /// (`drivers/dma-buf/dma-buf.c`).
  private func synchronize(_ flags: UInt64, _ operation: String) throws(Failure) {
    var request = dma_buf_sync(flags: flags)
    try attempt(operation) { () throws(Errno) in
      _ = try restarting {
        unsafe CLinux_ioctl(descriptor.rawValue, CLinux_DMA_BUF_IOCTL_SYNC, &request)
      }
    }
  }
}
