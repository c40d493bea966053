// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// What the kernel put on a socket's error queue.
package enum SendNotice: Equatable, Sendable {
  /// Sends `first` to `last`, numbered as `SendTracker` tells, are complete. `copied` if the kernel
  /// copied their payload after all (`SO_EE_CODE_ZEROCOPY_COPIED`).
  case complete(first: UInt32, last: UInt32, copied: Bool)
  /// Something else.
  case other
}

/// The sending side of a devmem connection: what the send loop asks of the kernel. Tests put a
/// scripted one in its place.
package protocol DevmemDestination: ~Copyable {
  /// Sends bytes of device memory, without blocking.
  ///
  /// - Returns: How many bytes were taken.
  /// - Throws: `EAGAIN` if the socket has no room, `ENOBUFS` if too many sends are outstanding
  ///   (`net.core.optmem_max`), and what `tcp_sendmsg_locked` (`net/ipv4/tcp.c`) fails with.
  func send(offset: Int, count: Int, with frame: borrowing SendFrame) throws(Errno) -> Int

  /// Takes the next notice off the error queue; `nil` if there is none.
  func takeNotice() throws(Errno) -> SendNotice?

  /// Takes the error that the connection has come to, if it has.
  func takeError() throws(Errno) -> Errno?

  /// For `poll`: writable when there is room, in error when a notice waits.
  var rawDescriptor: CInt { get }
}

extension Connection: DevmemDestination {
  /// Connects to a peer through an interface, ready to send from device memory.
  ///
  /// - Parameters:
  ///   - source: Where to connect from; the kernel's choice if `nil`.
  ///   - deadline: When to give up; never if `nil`.
  /// - Throws: A `Failure` with `ETIMEDOUT` after the deadline, with `EINTR` after a stop signal.
  package init(
    to peer: SocketAddress, from source: SocketAddress?, through interface: String,
    until deadline: Instant?, orStoppedBy stop: CInt
  ) throws(Failure) {
    let descriptor = try attempt("make a socket to", on: "\(peer)") { () throws(Errno) in
      let descriptor = OwnedDescriptor(
        owning: try retrying {
          socket(
            peer.family,
            CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
              | CInt(SOCK_NONBLOCK.rawValue), 0)
        })
      try set(SOL_SOCKET, SO_REUSEADDR, to: 1, on: descriptor)
      try set(SOL_SOCKET, SO_ZEROCOPY, to: 1, on: descriptor)
      // Packets of a device-memory send that leave by another device are dropped without a word.
      try bind(descriptor, toInterface: interface)
      return descriptor
    }
    if let source {
      do throws(Errno) {
        try retrying {
          unsafe source.withSocketAddress { unsafe Glibc.bind(descriptor.rawValue, $0, $1) }
        }
      } catch {
        throw Failure("send from", on: "\(source)", errno: error)
      }
    }
    do throws(Errno) {
      try retrying { unsafe peer.withSocketAddress { unsafe connect(descriptor.rawValue, $0, $1) } }
    } catch {
      guard error == .inProgress else { throw Self.failure(toConnectTo: peer, error) }
    }
    let connection = Connection(owning: descriptor, to: peer)
    do throws(Errno) {
      switch try waitUntilReady(
        connection.rawDescriptor, for: .writing, until: deadline, orStoppedBy: stop)
      {
      case .ready: break
      case .timedOut: throw .timedOut
      case .stopped: throw .interrupted
      }
      if let refused = try connection.takeError() { throw refused }
    } catch {
      throw Self.failure(toConnectTo: peer, error)
    }
    self = connection
  }

  package func send(
    offset: Int, count: Int, with frame: borrowing SendFrame
  ) throws(Errno) -> Int {
    try frame.send(offset: offset, count: count, to: rawDescriptor)
  }

  /// Sends a copy of bytes, as many as there is room for. The corresponding C function is `send`.
  ///
  /// - Throws: `EAGAIN` if the socket has no room.
  package func sendCopy(_ bytes: Span<UInt8>) throws(Errno) -> Int {
    let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
    return try retrying {
      unsafe bytes.withUnsafeBufferPointer {
        unsafe Glibc.send(rawDescriptor, $0.baseAddress, $0.count, flags)
      }
    }
  }

  /// The corresponding C function is `recvmsg` with `MSG_ERRQUEUE`, which never blocks.
  package func takeNotice() throws(Errno) -> SendNotice? {
    var control = InlineArray<16, UInt64>(repeating: 0)
    var span = control.mutableSpan
    var length = 0
    do throws(Errno) {
      try unsafe span.withUnsafeMutableBytes { control throws(Errno) in
        var message = unsafe msghdr()
        unsafe message.msg_control = control.baseAddress
        unsafe message.msg_controllen = control.count
        _ = try retrying { unsafe recvmsg(rawDescriptor, &message, CInt(MSG_ERRQUEUE)) }
        length = unsafe message.msg_controllen
      }
    } catch {
      guard error == .tryAgain else { throw error }
      return nil
    }
    return SendNotice(unsafe span.span.bytes.extracting(first: length))
  }

  /// The corresponding C constant is `SO_ERROR`.
  package func takeError() throws(Errno) -> Errno? {
    var value: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    try retrying { unsafe getsockopt(rawDescriptor, SOL_SOCKET, SO_ERROR, &value, &length) }
    return value == 0 ? nil : Errno(value)
  }

  /// Tells the peer that no more will come. The corresponding C function is `shutdown`.
  package func finishSending() throws(Errno) {
    try retrying { shutdown(rawDescriptor, CInt(SHUT_WR)) }
  }

  private static func failure(toConnectTo peer: SocketAddress, _ errno: Errno) -> Failure {
    Failure("connect to", on: "\(peer)", errno: errno)
  }
}

extension SendNotice {
  /// Reads the control messages of a notice: IPv4's or IPv6's `RECVERR`, whose data begin with a
  /// `struct sock_extended_err`.
  init(_ control: RawSpan) {
    self = .other
    guard control.byteCount >= MemoryLayout<cmsghdr>.size + MemoryLayout<sock_extended_err>.size
    else { return }
    let header = unsafe control.unsafeLoad(as: cmsghdr.self)
    let notice = unsafe control.unsafeLoad(
      fromByteOffset: MemoryLayout<cmsghdr>.size, as: sock_extended_err.self)
    let isRecvErr =
      (header.cmsg_level == CInt(IPPROTO_IP) && header.cmsg_type == IP_RECVERR)
      || (header.cmsg_level == CInt(IPPROTO_IPV6) && header.cmsg_type == IPV6_RECVERR)
    guard isRecvErr, notice.ee_errno == 0, notice.ee_origin == UInt8(SO_EE_ORIGIN_ZEROCOPY)
    else { return }
    self = .complete(
      first: notice.ee_info, last: notice.ee_data,
      copied: notice.ee_code == UInt8(SO_EE_CODE_ZEROCOPY_COPIED))
  }
}

/// The corresponding C constant is `SO_BINDTODEVICE`.
private func bind(
  _ descriptor: borrowing OwnedDescriptor, toInterface name: String
) throws(Errno) {
  var name = name
  try retrying {
    name.withUTF8 {
      unsafe setsockopt(
        descriptor.rawValue, SOL_SOCKET, SO_BINDTODEVICE, $0.baseAddress, socklen_t($0.count))
    }
  }
}
