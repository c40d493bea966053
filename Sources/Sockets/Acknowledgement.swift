// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// How much of a stream the peer's kernel has acknowledged.
///
/// Nothing else proves that a stream arrived: a reset throws away what is still to be sent, and
/// completes every zerocopy send of it as if it had gone out (`net/ipv4/tcp.c`,
/// `tcp_write_queue_purge`).
package struct Acknowledgement: Equatable, Sendable {
  /// `tcpi_bytes_acked`, which counts the SYN and the FIN as a byte each
  /// (`net/ipv4/tcp_input.c`, `tcp_snd_una_update`), but not the SYN of a connection that was
  /// accepted (`net/ipv4/tcp_minisocks.c`, `tcp_create_openreq_child`): here it does.
  private let sequenceNumbers: UInt64

  /// An acknowledgement of the connection, of so many bytes, and perhaps of the stream's end.
  package init(bytes: Int, andEnd hasEnd: Bool = false) {
    self.init(sequenceNumbers: UInt64(bytes) + (hasEnd ? 2 : 1))
  }

  fileprivate init(sequenceNumbers: UInt64) { self.sequenceNumbers = sequenceNumbers }

  /// How many bytes of a stream that has so many.
  package func bytes(of count: Int) -> Int {
    min(count, Int(clamping: sequenceNumbers) - min(1, Int(clamping: sequenceNumbers)))
  }

  /// Whether a stream of so many bytes has arrived, and its end, too.
  package func isWhole(of count: Int) -> Bool { sequenceNumbers >= UInt64(count) + 2 }
}

extension Connection {
  /// What the peer's kernel has acknowledged so far; still known once the connection has ended or
  /// is broken. The corresponding C constant is `TCP_INFO`.
  package func acknowledgement() throws(Errno) -> Acknowledgement {
    Acknowledgement(
      sequenceNumbers: try tcpInformation().tcpi_bytes_acked + (wasAccepted ? 1 : 0))
  }

  /// The corresponding C constant is `TCP_INFO`.
  func tcpInformation() throws(Errno) -> CLinux_tcp_info {
    try descriptor.socketOption(CInt(IPPROTO_TCP), TCP_INFO, into: CLinux_tcp_info())
  }
}
