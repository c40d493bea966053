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
  @usableFromInline let bytes: RawSpan
  /// Where the next message begins.
  @usableFromInline var offset = 0

  /// Reads bytes that `recvmsg` left.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) { self.bytes = bytes }

  /// Whether no message is left.
  @inlinable public var isEmpty: Bool { offset == bytes.byteCount }

  /// The next message, if it is a fragment as the kernel writes one; `nil` for anything else, which
  /// `next` reads. Inlined, since there is one for each fragment, and short, since that is all that a
  /// stream of fragments needs.
  @inlinable
  @inline(__always)
  public mutating func nextFragment() -> Fragment? {
    guard offset <= bytes.byteCount &- Self.devmemSize,
      unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: Int.self) == Self.devmemSize,
      unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset &+ 8, as: CInt.self) == SOL_SOCKET,
      unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset &+ 12, as: CInt.self)
        == CInt(CLinux_SCM_DEVMEM_DMABUF)
    else { return nil }
    let fragment = fragment(at: offset)
    // A length that CMSG_ALIGN leaves as it is.
    offset &+= Self.devmemSize
    return fragment
  }

  /// Where the next message's payload lies, if it is a fragment; anything if not. Beyond every
  /// memory after the last message.
  @inlinable
  @inline(__always)
  public var nextOffset: UInt64 {
    guard offset <= bytes.byteCount &- Self.devmemSize else { return .max }
    return unsafe bytes.unsafeLoad(
      fromUncheckedByteOffset: offset &+ Self.headerSize, as: UInt64.self)
  }

  /// The next message, or `nil` after the last.
  @inlinable
  public mutating func next() -> ControlMessage? {
    guard !isEmpty else { return nil }
    let start = offset
    let rest = bytes.byteCount &- start
    guard rest >= Self.headerSize else { return end() }
    let length = unsafe bytes.unsafeLoad(fromByteOffset: start, as: Int.self)
    guard length >= Self.headerSize, length <= rest else { return end() }
    let level = unsafe bytes.unsafeLoad(fromByteOffset: start &+ 8, as: CInt.self)
    let type = unsafe bytes.unsafeLoad(fromByteOffset: start &+ 12, as: CInt.self)
    // CMSG_ALIGN; the last message may come without the bytes that fill it up.
    offset = start &+ min((length &+ 7) & ~7, rest)

    let isDevice = type == CInt(CLinux_SCM_DEVMEM_DMABUF)
    let isLinear = type == CInt(CLinux_SCM_DEVMEM_LINEAR)
    guard level == SOL_SOCKET, isDevice || isLinear else { return .other }
    guard length >= Self.devmemSize else { return end() }
    let fragment = fragment(at: start)
    return isLinear ? .linear(fragment.size) : .fragment(fragment)
  }

  /// What the message there says, which is long enough.
  @inlinable
  @inline(__always)
  func fragment(at offset: Int) -> Fragment {
    let message = unsafe bytes.unsafeLoad(
      fromUncheckedByteOffset: offset &+ Self.headerSize, as: CLinux_dmabuf_cmsg.self)
    return Fragment(
      offset: message.frag_offset, size: message.frag_size, token: message.frag_token,
      binding: message.dmabuf_id)
  }

  /// `sizeof(struct cmsghdr)`: a length of 8 bytes, level and type of 4 each.
  @inlinable static var headerSize: Int { 16 }

  /// That, and a `struct dmabuf_cmsg`.
  @inlinable static var devmemSize: Int { headerSize + MemoryLayout<CLinux_dmabuf_cmsg>.size }

  @usableFromInline
  mutating func end() -> ControlMessage {
    offset = bytes.byteCount
    return .malformed
  }
}
