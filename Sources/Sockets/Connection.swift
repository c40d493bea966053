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

  /// Readable when there is enough to receive.
  var descriptor: Descriptor { get }
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

  /// Takes the connection's pending error; `nil` if there is none.
  func takeError() throws(Errno) -> Errno?

  /// Announces to the peer that no more will come.
  func finishSending() throws(Errno)

  /// What the peer's kernel has acknowledged so far.
  func acknowledgement() throws(Errno) -> Acknowledgement

  /// Receives what the peer has sent and waits: as many bytes as there are and fit, 0 at the end.
  ///
  /// - Throws: `EAGAIN` if nothing waits.
  func receiveCopy(into bytes: inout MutableRawSpan) throws(Errno) -> Int

  /// Writable when there is room, in error when a notice waits.
  var descriptor: Descriptor { get }
}

/// One TCP connection.
package struct Connection: ~Copyable, DevmemSource, DevmemDestination {
  private let socket: OwnedDescriptor

  /// The other end.
  package let peer: SocketAddress?

  /// Whether the other end has made the connection.
  let wasAccepted: Bool

  /// Takes over a connected socket.
  package init(
    owning socket: consuming OwnedDescriptor, to peer: SocketAddress? = nil,
    wasAccepted: Bool = false
  ) {
    self.wasAccepted = wasAccepted
    self.socket = socket
    self.peer = peer
  }

  /// Connects to a peer through an interface, ready to send from device memory.
  ///
  /// - Parameters:
  ///   - source: Where to connect from; the kernel's choice if `nil`.
  ///   - interface: Its index: by the time of a later connection it may have another name.
  ///   - settings: What its TCP is to be like.
  ///   - wait: What ends the wait for the peer.
  /// - Throws: A `Failure` with `ETIMEDOUT` after the deadline, of the kind `stopped` after a stop.
  package init(
    to peer: SocketAddress, from source: SocketAddress?, through interface: UInt32,
    as settings: TCPSettings = TCPSettings(), _ wait: Wait
  ) throws(Failure) {
    let socket = try Self.socket(to: peer, from: source, through: interface)
    try settings.apply(to: socket.borrowed)
    let operation = "connect to"
    do throws(Errno) {
      try retrying {
        unsafe peer.withSocketAddress { unsafe connect(socket.rawValue, $0, $1) }
      }
    } catch {
      guard error == .inProgress else { throw Failure(operation, on: "\(peer)", errno: error) }
    }
    let connection = Connection(owning: socket, to: peer)
    let isReady = try wait.for(connection.descriptor, .writing, to: "\(operation) \(peer)")
    _ = try attempt(operation, on: "\(peer)") { () throws(Errno) in
      guard isReady else { throw .timedOut }
      if let refused = try connection.takeError() { throw refused }
    }
    self = connection
  }

  /// Makes the connection ready to send from device memory, as one that this end has made is.
  package func prepareToSend(through interface: UInt32) throws(Failure) {
    try attempt("prepare a connection to send from device memory") { () throws(Errno) in
      try Self.prepareToSend(descriptor, through: interface)
    }
  }

  private static func prepareToSend(
    _ socket: Descriptor, through interface: UInt32
  ) throws(Errno) {
    try socket.setSocketOption(SOL_SOCKET, SO_ZEROCOPY, to: CInt(1))
    // The kernel drops packets of a device-memory send that leave by another device, silently.
    try socket.setSocketOption(SOL_SOCKET, SO_BINDTOIFINDEX, to: CInt(bitPattern: interface))
  }

  /// A socket that is ready to be connected.
  private static func socket(
    to peer: SocketAddress, from source: SocketAddress?, through interface: UInt32
  ) throws(Failure) -> OwnedDescriptor {
    let socket = try attempt("make a socket to", on: "\(peer)") { () throws(Errno) in
      let socket = try OwnedDescriptor.streamSocket(for: peer)
      try prepareToSend(socket.borrowed, through: interface)
      return socket
    }
    if let source {
      do throws(Errno) {
        try socket.bind(to: source)
      } catch {
        throw Failure(
          "send from", on: "\(source)", errno: error, hint: source.portHint(after: error))
      }
    }
    return socket
  }

  /// Addresses that stand for what the socket receives. The corresponding C function is `mmap`.
  func window(of count: Int) throws(Errno) -> Mapping {
    try Mapping(socket, count: count, isWritable: false)
  }

  /// For waits.
  package var descriptor: Descriptor { socket.borrowed }

  /// Where this end is.
  package func localAddress() throws(Errno) -> SocketAddress? { try descriptor.localAddress() }

  /// The port of this end.
  package func localPort() throws(Errno) -> UInt16 {
    guard let address = try localAddress() else { throw .invalidArgument }
    return address.port
  }

  /// The corresponding C function is `recvmsg` with `MSG_SOCK_DEVMEM`.
  package func receive(into frame: inout ReceiveFrame) throws(Errno) -> Int {
    let flags = CInt(CLinux_MSG_SOCK_DEVMEM) | CInt(MSG_DONTWAIT)
    return try frame.receive(from: descriptor, flags: flags)
  }

  /// The corresponding C constant is `SO_DEVMEM_DONTNEED`, whose result is a count
  /// (`net/core/sock.c`, `sock_devmem_dontneed`).
  package func returnTokens(_ tokens: Span<CLinux_dmabuf_token>) throws(Errno) -> Int {
    let option = CInt(CLinux_SO_DEVMEM_DONTNEED)
    return Int(
      try retrying {
        unsafe tokens.withUnsafeBytes {
          unsafe setsockopt(
            socket.rawValue, SOL_SOCKET, option, $0.baseAddress, socklen_t($0.count))
        }
      })
  }

  /// Sends bytes of device memory. See `SendFrame`.
  package func send(
    offset: Int, count: Int, with frame: borrowing SendFrame
  ) throws(Errno) -> Int {
    try frame.send(offset: offset, count: count, to: descriptor)
  }

  /// The corresponding C function is `recvmsg` with `MSG_ERRQUEUE`, which never blocks.
  package func takeNotice() throws(Errno) -> SendNotice? {
    try SendNotice(from: descriptor)
  }

  /// Sends a copy of bytes, as many as there is room for. The corresponding C function is `send`.
  ///
  /// - Throws: `EAGAIN` if the socket has no room.
  package func sendCopy(_ bytes: Span<UInt8>) throws(Errno) -> Int { try send(bytes, flags: 0) }

  /// Sends bytes from where they are, as many as there is room for: they must stay until a notice
  /// says that the kernel is done. The corresponding C function is `send` with `MSG_ZEROCOPY`.
  ///
  /// - Throws: `EAGAIN` if the socket has no room, `ENOBUFS` if too many sends are outstanding
  ///   (`net.core.optmem_max`), or too many pages (`RLIMIT_MEMLOCK`).
  package func sendInPlace(_ bytes: Span<UInt8>) throws(Errno) -> Int {
    try send(bytes, flags: CInt(MSG_ZEROCOPY))
  }

  private func send(_ bytes: Span<UInt8>, flags: CInt) throws(Errno) -> Int {
    let flags = flags | CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
    return try retrying {
      unsafe bytes.withUnsafeBufferPointer {
        unsafe Glibc.send(socket.rawValue, $0.baseAddress, $0.count, flags)
      }
    }
  }

  /// Sends copies of all of some bytes, and waits where there is no room for them.
  ///
  /// - Parameters:
  ///   - wait: What ends the waits.
  ///   - patience: How long each may last; as long as `wait` if `nil`.
  ///   - operation: What this is for.
  ///   - subject: What it is done on.
  ///   - silence: What a peer does that leaves no room.
  /// - Throws: A failure of the kind `stopped` after a stop, with `ETIMEDOUT` where no room comes.
  package func sendCopies(
    of bytes: Span<UInt8>, _ wait: Wait, within patience: Duration? = nil,
    to operation: String, on subject: String = "", orBecause silence: String
  ) throws(Failure) {
    var sent = 0
    var falseStarts = FalseStarts()
    while sent < bytes.count {
      do throws(Errno) {
        sent += try sendCopy(bytes.extracting(droppingFirst: sent))
        falseStarts.end()
      } catch {
        guard error == .tryAgain, falseStarts.mayGoOn() else {
          throw Failure(operation, on: subject, errno: error)
        }
        guard try wait.for(descriptor, .writing, within: patience, to: operation) else {
          throw Failure(operation, on: subject, errno: .timedOut, reason: silence)
        }
      }
    }
  }

  /// Receives ordinary payload that waits. The corresponding C function is `recv`.
  ///
  /// - Returns: How many bytes were received; 0 at the end.
  /// - Throws: `EAGAIN` if nothing waits.
  package func receiveCopy(into bytes: inout MutableRawSpan) throws(Errno) -> Int {
    try retrying {
      unsafe bytes.withUnsafeMutableBytes {
        unsafe recv(socket.rawValue, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
      }
    }
  }

  /// Whether the connection has ended and nothing is left to receive. The corresponding C function
  /// is `recv` with `MSG_PEEK`.
  package var isOver: Bool {
    var byte: UInt8 = 0
    let flags = CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)
    let count = unsafe recv(socket.rawValue, &byte, 1, flags)
    return count == 0 || (count < 0 && Errno.last != .tryAgain && Errno.last != .interrupted)
  }

  /// Announces to the peer that no more will come. The corresponding C function is `shutdown`.
  package func finishSending() throws(Errno) {
    try retrying { shutdown(socket.rawValue, CInt(SHUT_WR)) }
  }
}

extension OwnedDescriptor {
  /// A TCP socket that does not block, for addresses like the given one. A test that runs again on
  /// its port must not wait for the last one's TIME_WAIT: `SO_REUSEADDR`. The corresponding C
  /// function is `socket`.
  static func streamSocket(for address: SocketAddress) throws(Errno) -> OwnedDescriptor {
    let type =
      CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let socket = OwnedDescriptor(owning: try retrying { Glibc.socket(address.family, type, 0) })
    try socket.borrowed.setSocketOption(SOL_SOCKET, SO_REUSEADDR, to: CInt(1))
    return socket
  }

  /// Gives a socket its address. The corresponding C function is `bind`.
  func bind(to address: SocketAddress) throws(Errno) {
    try retrying { unsafe address.withSocketAddress { unsafe Glibc.bind(rawValue, $0, $1) } }
  }
}
