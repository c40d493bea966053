// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel

/// What one `sendmsg` from device memory is made of: pieces named by their offset in the dma-buf,
/// and the binding that they are in. Allocated once, used for every call.
@safe package struct SendFrame: ~Copyable {
  /// Pieces that one call may name (`UIO_MAXIOV`).
  package static let pieceLimit = 1024

  /// The length of the pieces that a call is cut into, in bytes; `nil` for one piece.
  private let chunkSize: Int?
  private let pieces: UnsafeMutableBufferPointer<iovec>
  private let control: UnsafeMutableRawBufferPointer

  /// - Parameters:
  ///   - binding: The id of a TX binding.
  ///   - chunkSize: At least 1, in bytes.
  package init(binding: UInt32, chunkSize: Int?) {
    self.chunkSize = chunkSize
    unsafe pieces = .allocate(capacity: chunkSize == nil ? 1 : Self.pieceLimit)
    // One message: a header of 16 bytes, and the id padded to 8.
    unsafe control = .allocate(byteCount: 24, alignment: 8)
    var header = cmsghdr()
    header.cmsg_len = 20
    header.cmsg_level = SOL_SOCKET
    header.cmsg_type = CInt(CLinux_SCM_DEVMEM_DMABUF)
    unsafe control.storeBytes(of: header, as: cmsghdr.self)
    unsafe control.storeBytes(of: UInt64(binding), toByteOffset: 16, as: UInt64.self)
  }

  deinit {
    unsafe pieces.deallocate()
    unsafe control.deallocate()
  }

  /// Sends bytes that lie at an offset in the dma-buf. The corresponding C function is `sendmsg`
  /// with `MSG_ZEROCOPY`; `iov_base` is the offset (`Documentation/networking/devmem.rst`).
  ///
  /// - Returns: How many bytes were taken, of at most as many as the pieces of one call hold.
  func send(
    offset: Int, count: Int, to socket: Descriptor
  ) throws(Errno) -> Int {
    let size = chunkSize ?? count
    var used = 0
    var start = 0
    while start < count, unsafe used < pieces.count {
      unsafe pieces[used] = iovec(
        iov_base: UnsafeMutableRawPointer(bitPattern: offset + start),
        iov_len: min(size, count - start))
      start += size
      used += 1
    }
    var message = unsafe msghdr()
    unsafe message.msg_iov = pieces.baseAddress
    unsafe message.msg_iovlen = used
    unsafe message.msg_control = control.baseAddress
    unsafe message.msg_controllen = control.count
    let flags = CInt(MSG_ZEROCOPY) | CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
    return try retrying { unsafe sendmsg(socket.rawValue, &message, flags) }
  }
}
