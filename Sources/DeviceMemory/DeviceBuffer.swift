// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// A dma-buf, and the CPU's way to its memory; or pages of the process's own, for what takes no dma-buf.
/// Both go away with their owner, the memory itself once the kernel has no binding left that uses it.
@safe package struct DeviceBuffer: ~Copyable, ReadableMemory, WritableMemory {
  /// Where the CPU finds the memory. Not private: an optimised class of another module that holds a
  /// buffer refers to it by name, and would not link.
  enum View: ~Copyable {
    /// At these addresses; without access they only stand for it.
    case mapped(Mapping)
    /// In copies that the device's driver makes, of memory that is not for the CPU.
    case copied(CUDABuffer)
  }

  /// The dma-buf, or the file that the pages are of.
  package let descriptor: OwnedDescriptor
  /// Whether it is a dma-buf.
  package let isDMABuf: Bool
  /// Size in bytes.
  package let byteCount: Int
  /// How the CPU gets at the memory.
  package let access: CPUAccess
  /// How other devices reach the memory, if it is a GPU's.
  package let mapping: CUDAMapping?
  private let view: View
  /// What the dma-buf was made of, closed behind it.
  private let origin: OwnedDescriptor?
  /// Where the mapping or the copy is: `view` keeps it.
  private let base: UnsafeMutableRawPointer
  /// The memory, as messages name it.
  private let subject: String
  /// Why the CPU does not get at the memory as it may want to.
  private let refusal: Errno?

  /// Maps the whole of a dma-buf, as far as its exporter lets the CPU have it: whoever needs that
  /// asks `checkReadable` or `checkWritable`. The corresponding C function is `mmap`.
  ///
  /// - Parameters:
  ///   - subject: The memory, as messages name it.
  ///   - origin: What the dma-buf was made of, to stay open as long.
  package init(
    mapping descriptor: consuming OwnedDescriptor, named subject: String,
    madeOf origin: consuming OwnedDescriptor? = nil
  ) throws(Failure) {
    // A consumed parameter cannot be captured by the closure that `attempt` runs.
    let reach: Reach
    do throws(Errno) {
      let size = try retrying { lseek(descriptor.rawValue, 0, SEEK_END) }
      reach = try Self.map(descriptor, count: size)
    } catch {
      throw Failure("map", on: subject, errno: error)
    }
    (access, refusal) = (reach.access, reach.refusal)
    self.origin = origin
    byteCount = reach.mapping.count
    unsafe base = reach.mapping.base
    view = .mapped(reach.mapping)
    self.descriptor = descriptor
    self.subject = subject
    self.mapping = nil
    isDMABuf = true
  }

  /// Pages that are no dma-buf, and the file that they are of.
  init(_ mapping: consuming Mapping, of file: consuming OwnedDescriptor) {
    (access, refusal, self.mapping) = (.mapped, nil, nil)
    origin = nil
    byteCount = mapping.count
    unsafe base = mapping.base
    subject = "\(mapping.count) bytes of memory"
    view = .mapped(mapping)
    descriptor = file
    isDMABuf = false
  }

  /// A mapping, what the exporter lets the CPU do there, and why there is no more.
  private struct Reach: ~Copyable {
    let mapping: Mapping
    let access: CPUAccess
    let refusal: Errno?
  }

  /// Maps a dma-buf for as much as its exporter lets the CPU do; else reserves addresses. Exporters
  /// refuse in whatever words: a dma-buf without the operation answers `EINVAL`
  /// (`drivers/dma-buf/dma-buf.c`), NVIDIA's driver `ENOTSUPP`, others `EPERM`, `ENODEV` and more.
  ///
  /// - Throws: What says nothing about the exporter: the process has no room.
  private static func map(
    _ descriptor: borrowing OwnedDescriptor, count: Int
  ) throws(Errno) -> Reach {
    var refusal: Errno?
    for access in [CPUAccess.mapped, .readOnly] {
      do throws(Errno) {
        let mapping = try Mapping(descriptor, count: count, isWritable: access == .mapped)
        return Reach(mapping: mapping, access: access, refusal: refusal)
      } catch {
        if [.outOfMemory, .tryAgain, .interrupted, .badDescriptor].contains(error) { throw error }
        refusal = refusal ?? error
        // `mmap`: the descriptor is not open for writing. That of a PRIME export without `DRM_RDWR`
        // is such a one.
        guard error == .accessDenied else { break }
      }
    }
    return Reach(mapping: try Mapping(reserving: count), access: .none, refusal: refusal)
  }

  /// A dma-buf that is read and written by copies.
  init(_ export: consuming CUDAExport, copied buffer: CUDABuffer) {
    mapping = export.mapping
    subject = buffer.subject
    origin = nil
    byteCount = buffer.byteCount
    unsafe base = buffer.copy
    view = .copied(buffer)
    access = .copies
    refusal = nil
    descriptor = export.dmabuf
    isDMABuf = true
  }

  /// A GPU's memory, where this is such.
  var copied: CUDABuffer? {
    switch view {
    case .mapped: nil
    case .copied(let buffer): buffer
    }
  }

  /// Where the pages are, for as long as this lasts; `nil` for a dma-buf.
  package var pages: UnsafeMutableRawPointer? { isDMABuf ? nil : unsafe base }

  /// Whether the CPU reads and writes the memory itself, and not a copy.
  package var isMapped: Bool { access == .mapped || access == .readOnly }

  /// - Throws: A failure of the kind `unsupported` where the CPU cannot read the memory.
  package func checkReadable() throws(Failure) {
    guard access == .none else { return }
    throw Failure(
      "read", on: subject, errno: refusal, reason: "its exporter gives the CPU no access to it",
      hint: "without -v, a measurement (--flows, --control) does not look at the payload",
      kind: .unsupported)
  }

  /// - Throws: A failure of the kind `unsupported` where the CPU cannot write the memory.
  package func checkWritable() throws(Failure) {
    guard access == .none || access == .readOnly else { return }
    throw Failure(
      "write", on: subject, errno: refusal,
      reason: "its exporter gives the CPU \(access == .none ? "no" : "only read") access to it",
      hint: "send from other memory (--memory)", kind: .unsupported)
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
      try checkReadable()
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
    try checkWritable()
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
    guard isDMABuf else { return }
    var request = dma_buf_sync(flags: flags)
    try attempt(operation) { () throws(Errno) in
      _ = try restarting {
        unsafe CLinux_ioctl(descriptor.rawValue, CLinux_DMA_BUF_IOCTL_SYNC, &request)
      }
    }
  }
}
