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
  /// - Parameters:
  ///   - backlog: How many connections may wait to be taken.
  ///   - settings: What the TCP of later connections is to be like.
  /// - Throws: A `Failure` with `EADDRINUSE` if another socket listens there.
  package init(
    on address: SocketAddress, backlog: Int = 1, as settings: TCPSettings = TCPSettings()
  ) throws(Failure) {
    let socket = try attempt("make a socket for", on: "\(address)") { () throws(Errno) in
      try OwnedDescriptor.streamSocket(for: address)
    }
    try settings.apply(to: socket.borrowed)
    do throws(Errno) {
      try socket.bind(to: address)
      try retrying { listen(socket.rawValue, CInt(clamping: backlog)) }
    } catch {
      throw Failure(
        "listen on", on: "\(address)", errno: error,
        hint: address.portHint(after: error) ?? Self.hint)
    }
    self.socket = socket
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
    return Connection(
      owning: OwnedDescriptor(owning: raw), to: SocketAddress(storage), wasAccepted: true)
  }

  /// Takes the connection that waits, if it is to be taken; closes it if not.
  ///
  /// - Returns: `nil` if there is none to be taken.
  package func take(
    _ admission: Admission, _ rejections: inout Rejections
  ) throws(Failure) -> Connection? {
    let connection: Connection
    do throws(Errno) {
      connection = try accept()
    } catch {
      // The peer closed it between the wait and the call.
      guard error == .tryAgain || error == .connectionAborted,
        rejections.falseStarts.mayGoOn()
      else {
        throw Failure("accept a connection", errno: error)
      }
      return nil
    }
    rejections.falseStarts.end()
    guard let refusal = admission.refusal(of: connection.peer) else { return connection }
    rejections.add(connection.peer, because: refusal)
    return nil
  }

  /// Waits for a connection and takes it. Others do not prolong the wait.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait; as long as `wait` allows if `nil`.
  ///   - admission: Whose connection to take; others are closed, and named.
  ///   - other: A descriptor whose readiness may end the wait.
  ///   - check: Runs once `other` is ready. If it throws, the wait ends; if not, `other` is watched
  ///     no longer.
  /// - Throws: A `Failure` of the kind `stopped` after a stop, with `ETIMEDOUT` if none comes, and
  ///   what `check` throws.
  package func next(
    _ wait: Wait, for timeout: Duration?, from admission: Admission = .anyone,
    watching other: Descriptor? = nil, _ check: () throws(Failure) -> Void = {}
  ) throws(Failure) -> Connection {
    let wait = wait.limited(to: timeout)
    var set = PollSet([descriptor] + (other.map { [$0] } ?? []))
    var rejections = Rejections()
    while true {
      // Connections that are closed may come without end.
      guard try set.wait(wait, to: "wait for a connection"), !wait.isOver || rejections.count == 0
      else { throw timedOut(after: timeout, rejections) }
      if other != nil, set.isReady(1) {
        try check()
        // Its data is read later.
        set.remove(1)
      }
      if set.isReady(0), let connection = try take(admission, &rejections) { return connection }
    }
  }

  private func timedOut(after timeout: Duration?, _ rejections: Rejections) -> Failure {
    let others = rejections.count > 0 ? ", but \(rejections.count) that were closed" : ""
    return Failure(
      "wait for a connection", errno: .timedOut,
      reason: "none in \(timeout.asTimeout)\(others)")
  }
}
