// SPDX-License-Identifier: GPL-2.0-only

public import CLinux

/// A piece of received payload in device memory, which stays there until its token is returned.
/// The corresponding C type is `struct dmabuf_cmsg` of `include/uapi/linux/uio.h`.
public struct Fragment: Equatable, Sendable {
  /// Offset into the dma-buf, in bytes.
  public let offset: UInt64
  /// In bytes.
  public let size: UInt32
  /// What to return to the kernel once the fragment is no longer needed.
  public let token: UInt32
  /// The id of the binding that the fragment came through.
  public let binding: UInt32

  /// A piece of payload at a place in the dma-buf.
  @inlinable
  public init(offset: UInt64, size: UInt32, token: UInt32, binding: UInt32) {
    self.offset = offset
    self.size = size
    self.token = token
    self.binding = binding
  }
}

/// What one control message says.
public enum ControlMessage: Equatable, Sendable {
  /// Payload in device memory. The corresponding C constant is `SCM_DEVMEM_DMABUF`.
  case fragment(Fragment)
  /// So many bytes of payload that stayed in host memory, next in the frame's payload. The
  /// corresponding C constant is `SCM_DEVMEM_LINEAR`.
  case linear(UInt32)
  /// Something that is not about devmem.
  case other
  /// Bytes that are no control message: nothing after them can be read.
  case malformed
}

/// The control messages of one `recvmsg`, in the order of the stream. Public, like all that the
/// compiler is to inline into another room.
public struct ControlMessages: ~Escapable {
  @usableFromInline var rest: RawSpan

  /// Reads bytes that `recvmsg` left.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) { rest = bytes }

  /// Whether no message is left.
  @inlinable public var isEmpty: Bool { rest.byteCount == 0 }

  /// The next message, or `nil` after the last. Inlined, since there is one for each fragment.
  @inlinable
  public mutating func next() -> ControlMessage? {
    guard !isEmpty else { return nil }
    guard rest.byteCount >= Self.headerSize else { return end() }
    let length = unsafe rest.unsafeLoad(fromByteOffset: 0, as: Int.self)
    guard length >= Self.headerSize, length <= rest.byteCount else { return end() }
    let level = unsafe rest.unsafeLoad(fromByteOffset: 8, as: CInt.self)
    let type = unsafe rest.unsafeLoad(fromByteOffset: 12, as: CInt.self)
    let whole = rest
    // CMSG_ALIGN; the last message may come without the bytes that fill it up.
    let start = min((length &+ 7) & ~7, whole.byteCount)
    rest = unsafe whole.extracting(unchecked: start..<whole.byteCount)

    let isDevice = type == CInt(CLinux_SCM_DEVMEM_DMABUF)
    let isLinear = type == CInt(CLinux_SCM_DEVMEM_LINEAR)
    guard level == SOL_SOCKET, isDevice || isLinear else { return .other }
    guard length >= Self.devmemSize else { return end() }
    let message = unsafe whole.unsafeLoad(
      fromByteOffset: Self.headerSize, as: CLinux_dmabuf_cmsg.self)
    if isLinear { return .linear(message.frag_size) }
    return .fragment(
      Fragment(
        offset: message.frag_offset, size: message.frag_size, token: message.frag_token,
        binding: message.dmabuf_id))
  }

  /// `sizeof(struct cmsghdr)`: a length of 8 bytes, level and type of 4 each.
  @inlinable static var headerSize: Int { 16 }

  /// That, and a `struct dmabuf_cmsg`.
  @inlinable static var devmemSize: Int { headerSize + MemoryLayout<CLinux_dmabuf_cmsg>.size }

  @usableFromInline
  mutating func end() -> ControlMessage {
    rest = rest.extracting(first: 0)
    return .malformed
  }
}
