// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// A TCP socket that waits for connections.
package struct Listener: ~Copyable {
  private let socket: OwnedDescriptor

  /// Binds to an address and listens there, alone: with `SO_REUSEPORT` the kernel would share the
  /// connections out among all sockets of the port. The corresponding C functions are `socket`,
  /// `bind` and `listen`.
  ///
  /// - Parameter backlog: How many connections may wait to be taken.
  /// - Throws: A `Failure` with `EADDRINUSE` if another socket listens there.
  package init(on address: SocketAddress, backlog: Int = 1) throws(Failure) {
    socket = try attempt("listen on", on: "\(address)", hint: Self.hint) { () throws(Errno) in
      let socket = try OwnedDescriptor.streamSocket(for: address)
      try socket.bind(to: address)
      try retrying { listen(socket.rawValue, CInt(clamping: backlog)) }
      return socket
    }
  }

  private static let hint = "is the address configured on an interface, and the port free?"

  /// Readable when a connection waits.
  package var descriptor: Descriptor { socket.borrowed }

  /// Where the socket listens: with port 0 asked for, the port that the kernel chose.
  package func localAddress() throws(Errno) -> SocketAddress? { try descriptor.localAddress() }

  /// Takes the connection that waits. The corresponding C function is `accept4`.
  ///
  /// - Throws: `EAGAIN` if none does (or the peer has closed it meanwhile).
  package func accept() throws(Errno) -> Connection {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let raw = try retrying {
      unsafe withSockaddr(&storage) {
        unsafe CLinux_accept4(socket.rawValue, $0, &length, CInt(SOCK_CLOEXEC.rawValue))
      }
    }
    return Connection(owning: OwnedDescriptor(owning: raw), to: SocketAddress(storage))
  }

  /// Waits for a connection and takes it.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait; as long as `wait` allows if `nil`.
  ///   - other: A descriptor whose readiness may end the wait.
  ///   - check: Runs once `other` is ready. If it throws, the wait ends; if not, `other` is watched
  ///     no longer.
  /// - Throws: A `Failure` of the kind `stopped` after a stop, with `ETIMEDOUT` if none comes, and
  ///   what `check` throws.
  package func next(
    _ wait: Wait, for timeout: Duration?, watching other: Descriptor? = nil,
    _ check: () throws(Failure) -> Void = {}
  ) throws(Failure) -> Connection {
    let wait = wait.limited(to: timeout)
    var set = PollSet([descriptor] + (other.map { [$0] } ?? []))
    while true {
      guard try set.wait(wait, to: "wait for a connection") else {
        throw Failure(
          "wait for a connection", errno: .timedOut,
          reason: "none in \(timeout?.components.seconds ?? 0) s (--timeout)")
      }
      if other != nil, set.isReady(1) {
        try check()
        // Its data is read later.
        set.remove(1)
      }
      guard set.isReady(0) else { continue }
      do throws(Errno) {
        return try accept()
      } catch {
        // The peer closed it between the wait and the call.
        guard error == .tryAgain || error == .connectionAborted else {
          throw Failure("accept a connection", errno: error)
        }
      }
    }
  }
}
