// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

extension Descriptor {
  /// Reads a socket option, a C integer or structure. The corresponding C function is `getsockopt`.
  ///
  /// - Parameter value: What the kernel fills in; an older kernel may leave its end unchanged.
  func socketOption<Value>(
    _ level: CInt, _ option: CInt, into value: Value
  ) throws(Errno) -> Value {
    var value = value
    var length = socklen_t(MemoryLayout<Value>.size)
    try retrying {
      unsafe withUnsafeMutablePointer(to: &value) {
        unsafe getsockopt(rawValue, level, option, $0, &length)
      }
    }
    return value
  }

  /// Sets a socket option, a C integer or structure. The corresponding C function is `setsockopt`.
  func setSocketOption<Value>(
    _ level: CInt, _ option: CInt, to value: Value
  ) throws(Errno) {
    let length = socklen_t(MemoryLayout<Value>.size)
    try retrying {
      unsafe withUnsafePointer(to: value) {
        unsafe setsockopt(rawValue, level, option, $0, length)
      }
    }
  }

  /// Reads a socket option that is a name of at most 31 bytes. The corresponding C function is
  /// `getsockopt`.
  func socketOptionText(_ level: CInt, _ option: CInt) throws(Errno) -> String {
    var text = [UInt8](repeating: 0, count: 32)
    var length = socklen_t(text.count - 1)
    try retrying {
      unsafe text.withUnsafeMutableBytes {
        unsafe getsockopt(rawValue, level, option, $0.baseAddress, &length)
      }
    }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Sets a socket option that is a name. The corresponding C function is `setsockopt`.
  func setSocketOption(_ level: CInt, _ option: CInt, to text: String) throws(Errno) {
    let bytes = Array(text.utf8)
    try retrying {
      unsafe bytes.withUnsafeBytes {
        unsafe setsockopt(rawValue, level, option, $0.baseAddress, socklen_t($0.count))
      }
    }
  }

  /// The address of this end of a socket; `nil` if it is neither IPv4 nor IPv6. The corresponding C
  /// function is `getsockname`.
  func localAddress() throws(Errno) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try retrying { unsafe withSockaddr(&storage) { unsafe getsockname(rawValue, $0, &length) } }
    return SocketAddress(storage)
  }
}

extension Connection {
  /// The most payload that a packet has, in bytes. The corresponding C constant is `TCP_MAXSEG`.
  package func segmentSize() throws(Errno) -> Int {
    Int(try descriptor.socketOption(CInt(IPPROTO_TCP), TCP_MAXSEG, into: CInt(0)))
  }

  /// The CPU that took the connection's last packet from the NIC, if the kernel knows it. The
  /// corresponding C constant is `SO_INCOMING_CPU`.
  package func incomingCPU() throws(Errno) -> Int? {
    let cpu = try descriptor.socketOption(SOL_SOCKET, SO_INCOMING_CPU, into: CInt(-1))
    return cpu >= 0 ? Int(cpu) : nil
  }

  /// The NAPI instance that the last packet came through, if the kernel knows it. The
  /// corresponding C constant is `SO_INCOMING_NAPI_ID`.
  package func incomingNAPI() throws(Errno) -> UInt32? {
    do throws(Errno) {
      let id = try descriptor.socketOption(SOL_SOCKET, SO_INCOMING_NAPI_ID, into: CInt(-1))
      return id > 0 ? UInt32(id) : nil
    } catch {
      // A kernel without busy polling does not keep it.
      guard error == Errno(ENOPROTOOPT) else { throw error }
      return nil
    }
  }

  /// Limits the rate at which the kernel sends, and how much it holds back to what goes out in a
  /// hundredth of a second: then the bytes written are close to the bytes sent. The kernel paces
  /// each segment with a timer of the connection (`net/ipv4/tcp_output.c`,
  /// `tcp_update_skb_after_send`), with any queueing discipline and for payload that no program can
  /// see. The corresponding C constants are `SO_MAX_PACING_RATE` and `TCP_NOTSENT_LOWAT`.
  package func pace(bytesPerSecond: Int) throws(Errno) {
    try descriptor.setSocketOption(SOL_SOCKET, SO_MAX_PACING_RATE, to: UInt64(bytesPerSecond))
    try descriptor.setSocketOption(
      CInt(IPPROTO_TCP), TCP_NOTSENT_LOWAT, to: CInt(clamping: max(4096, bytesPerSecond / 100)))
  }

  /// Has the kernel send what it has at once, however little it is and whatever is still to be
  /// acknowledged. The corresponding C constant is `TCP_NODELAY`.
  package func sendAtOnce() throws(Errno) {
    try descriptor.setSocketOption(CInt(IPPROTO_TCP), TCP_NODELAY, to: CInt(1))
  }

  /// The corresponding C constant is `SO_RCVLOWAT`.
  package func setReadableThreshold(_ bytes: Int) throws(Errno) {
    try descriptor.setSocketOption(SOL_SOCKET, SO_RCVLOWAT, to: CInt(clamping: bytes))
  }

  /// The corresponding C constant is `SO_ERROR`.
  package func takeError() throws(Errno) -> Errno? {
    let value = try descriptor.socketOption(SOL_SOCKET, SO_ERROR, into: CInt(0))
    return value == 0 ? nil : Errno(value)
  }
}

extension Listener {
  /// Makes `recvmsg` poll the NIC's queue for packets, on all later connections: they inherit the
  /// option (`net/core/sock.c`, `sk_clone`).
  ///
  /// - Parameter time: As of a connection.
  package func pollBusily(for time: Duration?) throws(Failure) {
    try descriptor.pollBusily(for: time)
  }
}

extension Connection {
  /// Makes `recvmsg` poll the NIC's queue for packets. The corresponding C constant is
  /// `SO_BUSY_POLL`.
  ///
  /// - Parameter time: For how long, in whole microseconds; the system's choice
  ///   (`net.core.busy_read`) if `nil`.
  package func pollBusily(for time: Duration?) throws(Failure) {
    try descriptor.pollBusily(for: time)
  }
}

extension Descriptor {
  fileprivate func pollBusily(for time: Duration?) throws(Failure) {
    guard let time else { return }
    let hint = "more than net.core.busy_read needs CAP_NET_ADMIN"
    try attempt("poll busily (SO_BUSY_POLL)", hint: hint) { () throws(Errno) in
      try setSocketOption(
        SOL_SOCKET, SO_BUSY_POLL, to: CInt(clamping: time.nanoseconds / 1000))
    }
  }
}
