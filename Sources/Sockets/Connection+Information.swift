// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// What the kernel knows of a connection's course. The corresponding C structure is `tcp_info`.
package struct ConnectionInformation: Equatable, Sendable {
  /// Segments sent again since the connection was made.
  package let retransmits: Int
  /// The smoothed round-trip time, in microseconds.
  package let roundTripMicroseconds: Int
}

extension Connection {
  /// The corresponding C constant is `TCP_INFO`.
  package func information() throws(Errno) -> ConnectionInformation {
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    try retrying {
      unsafe getsockopt(rawDescriptor, CInt(IPPROTO_TCP), TCP_INFO, &info, &length)
    }
    return ConnectionInformation(
      retransmits: Int(info.tcpi_total_retrans), roundTripMicroseconds: Int(info.tcpi_rtt))
  }

  /// The CPU that took the connection's last packet from the NIC, if the kernel knows it. The
  /// corresponding C constant is `SO_INCOMING_CPU`.
  package func incomingCPU() throws(Errno) -> Int? {
    let cpu = try integer(SO_INCOMING_CPU)
    return cpu >= 0 ? Int(cpu) : nil
  }

  /// The NAPI instance that the last packet came through, if the kernel knows it. The
  /// corresponding C constant is `SO_INCOMING_NAPI_ID`.
  package func incomingNAPI() throws(Errno) -> UInt32? {
    do throws(Errno) {
      let id = try integer(SO_INCOMING_NAPI_ID)
      return id > 0 ? UInt32(id) : nil
    } catch {
      // A kernel without busy polling does not keep it.
      guard error == Errno(ENOPROTOOPT) else { throw error }
      return nil
    }
  }

  /// The port of this end.
  package func localPort() throws(Errno) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try retrying {
      unsafe withSockaddr(&storage) { unsafe getsockname(rawDescriptor, $0, &length) }
    }
    guard let address = SocketAddress(storage) else { throw .invalidArgument }
    return address.port
  }

  /// Has the kernel send no faster than a rate, and hold no more back than goes out in a hundredth
  /// of a second: what is written is then what is sent. The kernel paces each segment with a timer
  /// of the connection (`net/ipv4/tcp_output.c`, `tcp_update_skb_after_send`), with any queueing
  /// discipline and for payload that no program can see. The corresponding C constants are
  /// `SO_MAX_PACING_RATE` and `TCP_NOTSENT_LOWAT`.
  package func pace(bytesPerSecond: Int) throws(Errno) {
    var rate = UInt64(bytesPerSecond)
    try retrying {
      unsafe setsockopt(
        rawDescriptor, SOL_SOCKET, SO_MAX_PACING_RATE, &rate,
        socklen_t(MemoryLayout<UInt64>.size))
    }
    var unsent = CInt(clamping: max(4096, bytesPerSecond / 100))
    try retrying {
      unsafe setsockopt(
        rawDescriptor, CInt(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &unsent,
        socklen_t(MemoryLayout<CInt>.size))
    }
  }

  private func integer(_ option: CInt) throws(Errno) -> CInt {
    var value: CInt = -1
    var length = socklen_t(MemoryLayout<CInt>.size)
    try retrying { unsafe getsockopt(rawDescriptor, SOL_SOCKET, option, &value, &length) }
    return value
  }
}
