// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
package import Sockets

/// What was sent of a flow.
package struct SentFlow: Equatable, Sendable {
  /// The flow's number.
  package let index: Int
  /// Its port at this end.
  package let port: UInt16
  /// How much was sent.
  package let bytes: Int
  /// How much of it in the warm-up.
  package let omittedBytes: Int
  /// The kernel's account of the connection.
  package let information: ConnectionInformation

  /// What a report has of a flow; `nil` of a received one.
  ///
  /// - Parameter omitted: What of its figures is of the warm-up.
  package init?(_ flow: MeasurementReport.Flow, omitting omitted: FlowFigures = FlowFigures()) {
    guard case .sent(let port, _) = flow.detail else { return nil }
    self.init(
      index: flow.index, port: port, bytes: flow.figures.bytes, omittedBytes: omitted.bytes,
      information: flow.information)
  }

  /// What was sent of a flow.
  package init(
    index: Int, port: UInt16, bytes: Int, omittedBytes: Int = 0,
    information: ConnectionInformation
  ) {
    self.index = index
    self.port = port
    self.bytes = bytes
    self.omittedBytes = omittedBytes
    self.information = information
  }

  var message: PeerMessage {
    PeerMessage(
      .sent, Int(port), bytes, omittedBytes, information.retransmits,
      Int(information.roundTrip.nanoseconds / 1000), information.congestionWindow,
      information.segmentSize, information.reorderings)
  }
}
