// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// Control messages as the kernel lays them out, to be loaded into a receive frame.
package struct ControlMessageBytes: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// A fragment in device memory.
  package mutating func addFragment(
    offset: UInt64, size: UInt32, token: UInt32, binding: UInt32 = 7
  ) {
    let message = CLinux_dmabuf_cmsg(
      frag_offset: offset, frag_size: size, frag_token: token, dmabuf_id: binding, flags: 0)
    add(CInt(CLinux_SCM_DEVMEM_DMABUF), message)
  }

  /// A piece of payload in device memory, told by a longer message than today's kernels write.
  package mutating func addLongFragment(
    offset: UInt64, size: UInt32, token: UInt32, binding: UInt32 = 7
  ) {
    struct LongMessage: BitwiseCopyable {
      let message: CLinux_dmabuf_cmsg
      let more: UInt64
    }
    let message = CLinux_dmabuf_cmsg(
      frag_offset: offset, frag_size: size, frag_token: token, dmabuf_id: binding, flags: 0)
    add(CInt(CLinux_SCM_DEVMEM_DMABUF), LongMessage(message: message, more: .max))
  }

  /// Bytes that stayed in host memory.
  package mutating func addLinear(size: UInt32) {
    let message = CLinux_dmabuf_cmsg(
      frag_offset: 0, frag_size: size, frag_token: 0, dmabuf_id: 0, flags: 0)
    add(CInt(CLinux_SCM_DEVMEM_LINEAR), message)
  }

  /// A message that is not about devmem, and not a multiple of 8 bytes long.
  package mutating func addOther() { add(SO_RXQ_OVFL, UInt32(0)) }

  private mutating func add<Data: BitwiseCopyable>(_ type: CInt, _ data: Data) {
    append(16 + MemoryLayout<Data>.size)
    append(SOL_SOCKET)
    append(type)
    append(data)
    bytes += [UInt8](repeating: 0, count: -bytes.count & 7)
  }

  private mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    unsafe withUnsafeBytes(of: value) { unsafe bytes += $0 }
  }
}
