// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// The kernel's account of a connection. The corresponding C structure is `tcp_info`.
package struct ConnectionInformation: Equatable, Sendable {
  /// Segments sent again since the connection was made (`tcpi_total_retrans`).
  package var retransmits = 0
  /// The smoothed round-trip time (`tcpi_rtt`).
  package var roundTrip = Duration.zero
  /// How many segments may be on their way at once (`tcpi_snd_cwnd`).
  package var congestionWindow = 0
  /// The most payload of a segment that is sent, in bytes (`tcpi_snd_mss`).
  package var segmentSize = 0
  /// How often acknowledgements showed that segments had overtaken each other (`tcpi_reord_seen`).
  package var reorderings = 0
  /// Packets that came before an earlier one (`tcpi_rcv_ooopack`).
  package var outOfOrderPackets = 0
  /// The name of what decides on the congestion window, such as `cubic`; `nil` where the kernel does
  /// not report it.
  package var congestionControl: String?

  /// Of a connection that nothing else is known of.
  package init(retransmits: Int = 0, roundTrip: Duration = .zero) {
    self.retransmits = retransmits
    self.roundTrip = roundTrip
  }
}

extension Connection {
  /// The kernel's account of the connection. The corresponding C constants are `TCP_INFO` and
  /// `TCP_CONGESTION`.
  package func information() throws(Errno) -> ConnectionInformation {
    let info = try tcpInformation()
    var information = ConnectionInformation(
      retransmits: Int(info.tcpi_total_retrans), roundTrip: .microseconds(Int(info.tcpi_rtt)))
    information.congestionWindow = Int(info.tcpi_snd_cwnd)
    information.segmentSize = Int(info.tcpi_snd_mss)
    information.reorderings = Int(info.tcpi_reord_seen)
    information.outOfOrderPackets = Int(info.tcpi_rcv_ooopack)
    information.congestionControl = try? congestionControl()
    return information
  }

  /// The corresponding C constant is `TCP_CONGESTION`.
  package func congestionControl() throws(Errno) -> String {
    try descriptor.socketOptionText(CInt(IPPROTO_TCP), TCP_CONGESTION)
  }
}
