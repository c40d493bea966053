// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// A dma-buf that the parent process made and left open for this one.
package struct GivenMemory: MemoryProvider {
  private let descriptor: Descriptor

  /// - Parameter descriptor: What the parent left open, by its number, which a `fork` keeps.
  package init(_ descriptor: Descriptor) { self.descriptor = descriptor }

  /// How the CPU gets at the memory; `nil` where there is none.
  package var access: CPUAccess? {
    do throws(Failure) { return try allocate(byteCount: 1).access } catch { return nil }
  }

  /// One byte: the memory has its size already.
  package var granularity: Int { 1 }

  /// The whole dma-buf.
  ///
  /// - Parameter byteCount: How large it must be at least.
  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let subject = "descriptor \(descriptor.rawValue)"
    let hint = "the parent must leave a dma-buf open under this number (not close-on-exec)"
    let dmabuf = try attempt("use", on: subject, hint: hint) { () throws(Errno) in
      try OwnedDescriptor.duplicate(of: descriptor)
    }
    var system = statfs()
    guard unsafe fstatfs(dmabuf.rawValue, &system) == 0, system.f_type == Int(DMA_BUF_MAGIC) else {
      throw Failure("use", on: subject, reason: "it is not a dma-buf", hint: hint)
    }
    let buffer = try DeviceBuffer(mapping: dmabuf, named: "the dma-buf that is \(subject)")
    guard buffer.byteCount >= byteCount else {
      throw Failure(
        "use", on: subject,
        reason: "the dma-buf has \(buffer.byteCount) bytes, not \(byteCount) (--memory-size)")
    }
    return buffer
  }
}
