// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel

/// What a connection's TCP is to be like, where that is not the system's choice.
package struct TCPSettings: Equatable, Sendable {
  /// The most payload of a segment, in bytes; what the route allows if `nil`. Both ends keep to the
  /// smaller of their own, which each announces as it connects.
  package var segmentSize: Int?
  /// The name of what decides how much is on its way at once (`net.ipv4.tcp_congestion_control`).
  package var congestionControl: String?

  /// The system's choice.
  package init() {}

  /// What the kernel takes for a segment (`net/ipv4/tcp.c`, `tcp_sock_set_maxseg`: `TCP_MIN_MSS` and
  /// `MAX_TCP_WINDOW`).
  package static let segmentSizes = 88...32767

  /// The longest name, in bytes (`include/net/tcp.h`, `TCP_CA_NAME_MAX`, which counts its end).
  package static let nameLimit = 15

  /// Sets a socket up that is neither connected nor listens. The corresponding C constants are
  /// `TCP_MAXSEG` and `TCP_CONGESTION`.
  ///
  /// - Throws: A `Failure` of the kind `unsupported` where the kernel has no such congestion control.
  func apply(to socket: Descriptor) throws(Failure) {
    if let segmentSize {
      try attempt("limit segments to", on: "\(segmentSize) bytes (TCP_MAXSEG)") {
        () throws(Errno) in
        try socket.setSocketOption(CInt(IPPROTO_TCP), TCP_MAXSEG, to: CInt(segmentSize))
      }
    }
    guard let congestionControl else { return }
    do throws(Errno) {
      try socket.setSocketOption(CInt(IPPROTO_TCP), TCP_CONGESTION, to: congestionControl)
    } catch {
      throw Failure(
        "use congestion control", on: congestionControl, errno: error,
        hint: error == .notPermitted
          ? "without CAP_NET_ADMIN, only those of net.ipv4.tcp_allowed_congestion_control"
          : "net.ipv4.tcp_available_congestion_control has those that are loaded",
        kind: error == .noEntry ? .unsupported : .failed)
    }
  }
}
