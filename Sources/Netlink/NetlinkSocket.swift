// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import CMnl
internal import Glibc
package import Kernel

/// A netlink socket that is closed with its owner, and with it whatever the kernel ties to
/// the socket's life, such as a device-memory binding.
package struct NetlinkSocket: ~Copyable, NetlinkTransport {
  private let handle: Handle
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  /// Opens a socket of generic netlink.
  package init() throws(Errno) { try self.init(protocol: NETLINK_GENERIC) }

  /// Opens a socket of rtnetlink, which tells of interfaces.
  static func route() throws(Errno) -> NetlinkSocket { try NetlinkSocket(protocol: NETLINK_ROUTE) }

  /// Opens the socket, asks for short acknowledgements, error texts and strict checks of requests,
  /// and lets the kernel choose its port. The corresponding C functions are `mnl_socket_open2`,
  /// `mnl_socket_setsockopt` and `mnl_socket_bind`.
  private init(protocol: CInt) throws(Errno) {
    let opened = unsafe mnl_socket_open2(`protocol`, CInt(SOCK_CLOEXEC.rawValue))
    guard let opened = unsafe opened else { throw Errno.last }
    let handle = unsafe Handle(owning: opened)
    for option in [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] {
      var on: CInt = 1
      let size = socklen_t(MemoryLayout<CInt>.size)
      try retrying { unsafe mnl_socket_setsockopt(handle.socket, option, &on, size) }
    }
    try retrying { unsafe mnl_socket_bind(handle.socket, 0, MNL_SOCKET_AUTOPID) }
    self.handle = handle
  }

  package mutating func send(_ datagram: [UInt8]) throws(Errno) {
    try retrying {
      unsafe datagram.withUnsafeBytes {
        unsafe mnl_socket_sendto(handle.socket, $0.baseAddress, $0.count)
      }
    }
  }

  /// As the protocol says.
  ///
  /// - Throws: Also `ENOSPC` for a datagram longer than 64 KiB, more than the kernel puts into one,
  ///   and `ENOBUFS` where the socket's queue overflowed.
  package mutating func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    let descriptor = unsafe mnl_socket_get_fd(handle.socket)
    let readiness = try waitUntilReady(descriptor, until: deadline, orStoppedBy: -1)
    guard readiness == .ready else { throw .timedOut }
    let count = try retrying {
      unsafe buffer.withUnsafeMutableBytes {
        unsafe mnl_socket_recvfrom(handle.socket, $0.baseAddress, $0.count)
      }
    }
    return Array(buffer.prefix(count))
  }
}

/// libmnl's socket, closed at the end of its life.
@safe private struct Handle: ~Copyable {
  let socket: OpaquePointer

  init(owning socket: OpaquePointer) { unsafe self.socket = socket }

  deinit { unsafe _ = mnl_socket_close(socket) }
}
