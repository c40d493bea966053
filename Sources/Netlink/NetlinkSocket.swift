// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import CMnl
internal import Glibc
package import Kernel

/// A netlink socket to the kernel. It is closed with its owner, and with it goes what the kernel
/// ties to the socket, such as a device-memory binding.
package struct NetlinkSocket: ~Copyable, NetlinkTransport {
  private let handle: Handle

  /// Opens a socket of generic netlink.
  ///
  /// - Throws: What `socket`, `setsockopt`, `bind` or `connect` fails with.
  package static func generic() throws(Errno) -> NetlinkSocket {
    try NetlinkSocket(protocol: NETLINK_GENERIC)
  }

  /// Opens a socket that gets what a family of generic netlink announces to one of its groups.
  ///
  /// - Parameter group: The group's number.
  /// - Throws: What `socket`, `setsockopt`, `bind` or `connect` fails with.
  static func generic(inGroup group: UInt32) throws(Errno) -> NetlinkSocket {
    let socket = try NetlinkSocket(protocol: NETLINK_GENERIC)
    try socket.handle.set(NETLINK_ADD_MEMBERSHIP, to: CInt(bitPattern: group))
    return socket
  }

  /// Opens a socket of rtnetlink, which describes interfaces.
  ///
  /// - Throws: What `socket`, `setsockopt`, `bind` or `connect` fails with.
  static func route() throws(Errno) -> NetlinkSocket { try NetlinkSocket(protocol: NETLINK_ROUTE) }

  /// Opens a socket that gets what rtnetlink announces about interfaces: the group `RTMGRP_LINK`.
  ///
  /// - Throws: What `socket`, `setsockopt`, `bind` or `connect` fails with.
  static func linkEvents() throws(Errno) -> NetlinkSocket {
    try NetlinkSocket(protocol: NETLINK_ROUTE, groups: UInt32(RTMGRP_LINK))
  }

  /// Opens the socket, asks for short acknowledgements, error texts and strict checks of requests,
  /// lets the kernel choose its port, and keeps other programs out. The corresponding C functions
  /// are `mnl_socket_open2`, `mnl_socket_setsockopt`, `mnl_socket_bind` and `connect`.
  ///
  /// - Parameter groups: What announcements to get: a bit for each group.
  private init(protocol: CInt, groups: UInt32 = 0) throws(Errno) {
    let handle = try Handle(opening: `protocol`)
    for option in [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] {
      try handle.set(option, to: 1)
    }
    try retrying { unsafe mnl_socket_bind(handle.socket, groups, MNL_SOCKET_AUTOPID) }
    try handle.connectToKernel()
    self.handle = handle
  }

  /// Readable while a datagram waits.
  package var descriptor: Descriptor { handle.descriptor }

  /// The port id that the kernel chose. The corresponding C function is `mnl_socket_get_portid`.
  package var port: UInt32 { unsafe mnl_socket_get_portid(handle.socket) }

  /// Hands one request to the kernel. The corresponding C function is `mnl_socket_sendto`.
  ///
  /// - Throws: What `sendto` fails with.
  package mutating func send(_ datagram: [UInt8]) throws(Errno) {
    try retrying {
      unsafe datagram.withUnsafeBytes {
        unsafe mnl_socket_sendto(handle.socket, $0.baseAddress, $0.count)
      }
    }
  }

  /// The next datagram from the kernel. The corresponding C function is `mnl_socket_recvfrom`.
  ///
  /// - Throws: `ETIMEDOUT` once the deadline has passed without one; `ENOSPC` for a datagram longer
  ///   than 64 KiB, more than the kernel puts into one; `ENOBUFS` where the socket's queue
  ///   overflowed.
  package mutating func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    guard try Wait(until: deadline).readiness(of: handle.descriptor) == .ready else {
      throw .timedOut
    }
    var refusal: Errno?
    let datagram = unsafe [UInt8](unsafeUninitializedCapacity: Self.room) { bytes, count in
      do throws(Errno) {
        count = try retrying {
          unsafe mnl_socket_recvfrom(handle.socket, bytes.baseAddress, bytes.count)
        }
      } catch {
        refusal = error
      }
    }
    if let refusal { throw refusal }
    return datagram
  }

  /// More than the kernel puts into one datagram, in bytes. Only what it writes is touched.
  private static let room = 1 << 16
}

/// libmnl's socket, closed with its owner.
@safe private struct Handle: ~Copyable {
  let socket: OpaquePointer

  init(opening protocol: CInt) throws(Errno) {
    guard let socket = unsafe mnl_socket_open2(`protocol`, CInt(SOCK_CLOEXEC.rawValue)) else {
      throw .last
    }
    unsafe self.socket = socket
  }

  deinit { unsafe _ = mnl_socket_close(socket) }

  var descriptor: Descriptor { Descriptor(unsafe mnl_socket_get_fd(socket)) }

  /// Sets an option of the level `SOL_NETLINK`.
  func set(_ option: CInt, to value: CInt) throws(Errno) {
    var value = value
    let size = socklen_t(MemoryLayout<CInt>.size)
    try retrying { unsafe mnl_socket_setsockopt(socket, option, &value, size) }
  }

  /// Makes the kernel refuse what other programs send to the socket: one that is connected takes
  /// datagrams from its peer only (`net/netlink/af_netlink.c`, `netlink_getsockbyportid`), and the
  /// kernel's port id is 0. `mnl_socket_recvfrom` would take them: it does not check the sender's
  /// port id (libmnl 1.0.5, `src/socket.c`).
  func connectToKernel() throws(Errno) {
    var kernel = sockaddr_nl()
    kernel.nl_family = UInt16(AF_NETLINK)
    try retrying {
      unsafe withUnsafeBytes(of: kernel) {
        let address = unsafe $0.baseAddress!.assumingMemoryBound(to: sockaddr.self)
        return unsafe connect(descriptor.rawValue, address, socklen_t($0.count))
      }
    }
  }
}
