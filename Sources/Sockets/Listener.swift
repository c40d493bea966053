// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// A TCP socket that waits for connections.
package struct Listener: ~Copyable {
  private let descriptor: OwnedDescriptor

  /// Binds to an address and listens there. The corresponding C functions are `socket`, `bind` and
  /// `listen`.
  ///
  /// - Parameter backlog: How many connections may wait to be taken.
  package init(on address: SocketAddress, backlog: Int = 1) throws(Failure) {
    descriptor = try attempt("listen on", on: "\(address)", hint: Self.hint) { () throws(Errno) in
      let descriptor = OwnedDescriptor(
        owning: try retrying {
          socket(
            address.family,
            CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
              | CInt(SOCK_NONBLOCK.rawValue), 0)
        })
      // A test that runs again on its port must not wait for the last one's TIME_WAIT.
      try set(SOL_SOCKET, SO_REUSEADDR, to: 1, on: descriptor)
      try set(SOL_SOCKET, SO_REUSEPORT, to: 1, on: descriptor)
      try retrying {
        unsafe address.withSocketAddress { unsafe bind(descriptor.rawValue, $0, $1) }
      }
      try retrying { listen(descriptor.rawValue, CInt(clamping: backlog)) }
      return descriptor
    }
  }

  /// For `poll`: readable when a connection waits.
  package var rawDescriptor: CInt { descriptor.rawValue }

  /// Has `recvmsg` on the connections to come, which inherit it (`net/core/sock.c`, `sk_clone`),
  /// poll their queue for packets. The corresponding C constant is `SO_BUSY_POLL`.
  ///
  /// - Parameter microseconds: For how long; the system's choice (`net.core.busy_read`) if `nil`.
  package func pollBusily(for microseconds: Int?) throws(Failure) {
    guard let microseconds else { return }
    let hint = "more than net.core.busy_read needs CAP_NET_ADMIN"
    try attempt("poll busily (SO_BUSY_POLL)", hint: hint) { () throws(Errno) in
      try set(SOL_SOCKET, SO_BUSY_POLL, to: CInt(clamping: microseconds), on: descriptor)
    }
  }

  /// Where the socket listens: with port 0 asked for, the port that the kernel chose. The
  /// corresponding C function is `getsockname`.
  package func localAddress() throws(Errno) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try retrying {
      unsafe withSockaddr(&storage) { unsafe getsockname(descriptor.rawValue, $0, &length) }
    }
    return SocketAddress(storage)
  }

  /// Takes the connection that waits.
  ///
  /// - Throws: `EAGAIN` if none does (or the peer gave up while it waited).
  package func accept() throws(Errno) -> Connection {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let raw = try retrying {
      unsafe withSockaddr(&storage) {
        unsafe CLinux_accept4(descriptor.rawValue, $0, &length, CInt(SOCK_CLOEXEC.rawValue))
      }
    }
    return Connection(owning: OwnedDescriptor(owning: raw), to: SocketAddress(storage))
  }

  private static let hint = "is the address configured on an interface, and the port free?"
}
