// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// What the other end of a measurement reports.
package struct PeerReport: Equatable, Sendable {
  /// What it reports of one flow. Which members it has depends on which end it is.
  package struct Flow: Equatable, Sendable {
    /// The flow's port at the sender.
    package let port: Int
    /// Bytes of payload.
    package let bytes: Int
    /// Segments sent again; `nil` of a receiver.
    package var retransmits: Int?
    /// The smoothed round-trip time; `nil` of a receiver.
    package var roundTrip: Duration?
    /// Bytes of payload found in device memory; `nil` of a sender.
    package var deviceBytes: Int?
    /// Bytes of payload that a bound queue left in host memory; `nil` of a sender.
    package var linearBytes: Int?
    /// Bytes of payload that did not come through a bound queue; `nil` of a sender.
    package var plainBytes: Int?
    /// Pieces of payload in device memory; `nil` of a sender.
    package var fragments: Int?
    /// Bytes that are not what the pattern has in their place; `nil` if the end did not check.
    package var wrongBytes: Int?

    /// What either end reports of a flow.
    package init(
      port: Int, bytes: Int, retransmits: Int? = nil, roundTrip: Duration? = nil,
      deviceBytes: Int? = nil, linearBytes: Int? = nil, plainBytes: Int? = nil,
      fragments: Int? = nil, wrongBytes: Int? = nil
    ) {
      self.port = port
      self.bytes = bytes
      self.retransmits = retransmits
      self.roundTrip = roundTrip
      self.deviceBytes = deviceBytes
      self.linearBytes = linearBytes
      self.plainBytes = plainBytes
      self.fragments = fragments
      self.wrongBytes = wrongBytes
    }
  }

  /// A report of these flows, whose last line is still to come.
  package init(_ flows: [Flow] = []) { self.flows = flows }

  /// What it reports of each flow, in its order.
  package var flows: [Flow]
  /// How long its run took.
  package private(set) var duration = Duration.zero
  /// Whether it found something wrong.
  package private(set) var hasFailed = false

  /// All flows together. The ranges of `PeerMessage` keep the sum in 64 bits.
  package var bytes: Int { flows.reduce(0) { $0 + $1.bytes } }

  /// Takes the last line's values.
  ///
  /// - Parameter values: Those of `PeerMessage.Verb.end`.
  package mutating func end(with values: [Int]) {
    hasFailed = values[0] == 1
    duration = .nanoseconds(values[1])
  }
}
