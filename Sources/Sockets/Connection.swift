// SPDX-License-Identifier: GPL-2.0-only

package import CLinux
internal import Glibc
package import Kernel

/// The receiving side of a devmem connection: what the receive loop asks of the kernel. Tests put
/// a scripted one in its place.
package protocol DevmemSource: ~Copyable {
  /// Receives what waits into a frame, without blocking.
  ///
  /// - Returns: The number of bytes received, those in device memory included; 0 at the stream's
  ///   end.
  /// - Throws: `EAGAIN` if nothing waits, and what `tcp_recvmsg_locked` (`net/ipv4/tcp.c`) fails
  ///   with.
  func receive(into frame: inout ReceiveFrame) throws(Errno) -> Int

  /// Gives fragments back to the NIC.
  ///
  /// - Parameter tokens: At most `TokenBatch.rangeLimit` ranges of at most
  ///   `TokenBatch.fragmentLimit` tokens in all.
  /// - Returns: The number of fragments that the kernel found and freed.
  func returnTokens(_ tokens: Span<CLinux_dmabuf_token>) throws(Errno) -> Int

  /// Sets how many bytes must wait before the descriptor counts as readable; the end of the stream
  /// always does, and so does a full window.
  func setReadableThreshold(_ bytes: Int) throws(Errno)

  /// For `poll`: readable when there is enough to receive.
  var rawDescriptor: CInt { get }
}

/// One TCP connection.
package struct Connection: ~Copyable, DevmemSource {
  private let descriptor: OwnedDescriptor

  /// The other end.
  package let peer: SocketAddress?

  package init(owning descriptor: consuming OwnedDescriptor, to peer: SocketAddress? = nil) {
    self.descriptor = descriptor
    self.peer = peer
  }

  package var rawDescriptor: CInt { descriptor.rawValue }

  /// The corresponding C function is `recvmsg` with `MSG_SOCK_DEVMEM`.
  package func receive(into frame: inout ReceiveFrame) throws(Errno) -> Int {
    let flags = CInt(CLinux_MSG_SOCK_DEVMEM) | CInt(MSG_DONTWAIT)
    return try frame.receive(from: descriptor.rawValue, flags: flags)
  }

  /// The corresponding C constant is `SO_RCVLOWAT`.
  package func setReadableThreshold(_ bytes: Int) throws(Errno) {
    try set(SOL_SOCKET, SO_RCVLOWAT, to: CInt(clamping: bytes), on: descriptor)
  }

  /// The corresponding C constant is `SO_DEVMEM_DONTNEED`, whose result is a count
  /// (`net/core/sock.c`, `sock_devmem_dontneed`).
  package func returnTokens(_ tokens: Span<CLinux_dmabuf_token>) throws(Errno) -> Int {
    let option = CInt(CLinux_SO_DEVMEM_DONTNEED)
    return Int(
      try retrying {
        unsafe tokens.withUnsafeBytes {
          unsafe setsockopt(
            descriptor.rawValue, SOL_SOCKET, option, $0.baseAddress, socklen_t($0.count))
        }
      })
  }
}

/// Sets a socket option that is an `int`. The corresponding C function is `setsockopt`.
func set(
  _ level: CInt, _ option: CInt, to value: CInt, on descriptor: borrowing OwnedDescriptor
) throws(Errno) {
  var value = value
  try retrying {
    unsafe setsockopt(
      descriptor.rawValue, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
  }
}
