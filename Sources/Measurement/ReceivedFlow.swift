// SPDX-License-Identifier: GPL-2.0-only

/// What was received of a flow.
package struct ReceivedFlow: Equatable, Sendable {
  /// What was received, the warm-up's part included.
  package let figures: FlowFigures
  /// How many bytes of it are of the warm-up.
  package let omittedBytes: Int
  /// Packets that came before an earlier one.
  package let outOfOrderPackets: Int

  /// What was received of a flow.
  package init(_ figures: FlowFigures, omittedBytes: Int = 0, outOfOrderPackets: Int = 0) {
    self.figures = figures
    self.omittedBytes = omittedBytes
    self.outOfOrderPackets = outOfOrderPackets
  }

  func message(from port: UInt16, isChecked: Bool) -> PeerMessage {
    PeerMessage(
      .received, Int(port), figures.deviceBytes, figures.linearBytes, figures.plainBytes,
      figures.fragments, omittedBytes, isChecked ? 1 : 0, figures.checkedBytes,
      figures.wrongBytes, outOfOrderPackets)
  }
}
