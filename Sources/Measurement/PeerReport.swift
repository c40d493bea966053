// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// What the other end of a measurement reports.
package struct PeerReport: Equatable, Sendable {
  /// What it reports of one flow. Which members it has depends on which end it is.
  package struct Flow: Equatable, Sendable {
    /// The flow's port at the sender.
    package let port: Int
    package let bytes: Int
    package var retransmits: Int?
    package var roundTrip: Duration?
    package var deviceBytes: Int?
    package var linearBytes: Int?
    package var plainBytes: Int?
    package var fragments: Int?
    /// `nil` where nobody looked.
    package var wrongBytes: Int?
  }

  package var flows: [Flow] = []
  package private(set) var duration = Duration.zero
  package private(set) var hasFailed = false

  /// All flows together.
  package var bytes: Int { flows.reduce(0) { $0 &+ $1.bytes } }

  /// Takes the last line's values.
  mutating func end(with values: [Int]) throws(Failure) {
    guard 0...1 ~= values[0] else {
      throw Failure("understand the peer", errno: .protocolError, reason: "failed is 0 or 1")
    }
    hasFailed = values[0] == 1
    duration = .nanoseconds(values[1])
  }
}
