// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
package import Transfer

/// What the other end of a measurement reports.
package struct PeerReport: Equatable, Sendable {
  /// What it reports of one flow. Which members it has depends on which end it is.
  package struct Flow: Equatable, Sendable {
    /// The flow's port at the end that connected.
    package let port: Int
    /// Bytes of payload.
    package let bytes: Int
    /// Bytes of them in the warm-up.
    package var omittedBytes: Int
    /// Segments sent again; `nil` of a receiver.
    package var retransmits: Int?
    /// The smoothed round-trip time; `nil` of a receiver.
    package var roundTrip: Duration?
    /// How many segments may be on their way at once; `nil` of a receiver.
    package var congestionWindow: Int?
    /// The most payload of a segment, in bytes; `nil` of a receiver.
    package var segmentSize: Int?
    /// How often segments were seen to overtake each other; `nil` of a receiver.
    package var reorderings: Int?
    /// Bytes of payload found in device memory; `nil` of a sender.
    package var deviceBytes: Int?
    /// Bytes of payload that a bound queue left in host memory; `nil` of a sender.
    package var linearBytes: Int?
    /// Bytes of payload that did not come through a bound queue; `nil` of a sender.
    package var plainBytes: Int?
    /// Pieces of payload in device memory; `nil` of a sender.
    package var fragments: Int?
    /// Bytes that were compared with the pattern; `nil` if the end did not check.
    package var checkedBytes: Int?
    /// Bytes that are not what the pattern has in their place; `nil` if the end did not check.
    package var wrongBytes: Int?
    /// Packets that came before an earlier one; `nil` of a sender.
    package var outOfOrderPackets: Int?

    /// What either end reports of a flow, of which nothing else is known.
    package init(port: Int, bytes: Int, omittedBytes: Int = 0) {
      self.port = port
      self.bytes = bytes
      self.omittedBytes = omittedBytes
    }

    /// What a sender reports.
    ///
    /// - Parameter values: Those of `PeerMessage.Verb.sent`.
    package init(sent values: [Int]) {
      self.init(port: values[0], bytes: values[1], omittedBytes: values[2])
      retransmits = values[3]
      roundTrip = .microseconds(values[4])
      congestionWindow = values[5]
      segmentSize = values[6]
      reorderings = values[7]
    }

    /// What a receiver reports.
    ///
    /// - Parameter values: Those of `PeerMessage.Verb.received`.
    package init(received values: [Int]) {
      self.init(
        port: values[0], bytes: values[1] + values[2] + values[3], omittedBytes: values[5])
      deviceBytes = values[1]
      linearBytes = values[2]
      plainBytes = values[3]
      fragments = values[4]
      let checks = values[6] == 1
      checkedBytes = checks ? values[7] : nil
      wrongBytes = checks ? values[8] : nil
      outOfOrderPackets = values[9]
    }
  }

  /// A report of these flows, whose last line is still to come.
  package init(_ flows: [Flow] = []) { self.flows = flows }

  /// What it reports of each flow, in its order.
  package var flows: [Flow]
  /// How long its run took, without the warm-up.
  package private(set) var duration = Duration.zero
  /// Whether it found something wrong.
  package private(set) var hasFailed = false
  /// What it received or sent by.
  package private(set) var engine = Engine.devmem

  /// All flows together. The ranges of `PeerMessage` keep the sum in 64 bits.
  package var bytes: Int { flows.reduce(0) { $0 + $1.bytes } }

  /// All flows together, without the warm-up.
  package var measuredBytes: Int { flows.reduce(0) { $0 + $1.bytes - $1.omittedBytes } }

  /// Takes what the peer reports of a flow.
  ///
  /// - Throws: A `Failure` with `EPROTO` if a part of the flow is more than all of it.
  mutating func add(_ flow: Flow) throws(Failure) {
    guard flow.omittedBytes <= flow.bytes else {
      throw ControlChannel.violation("it left out more of a flow than there was")
    }
    flows.append(flow)
  }

  /// Takes the last line's values.
  ///
  /// - Parameter values: Those of `PeerMessage.Verb.end`.
  package mutating func end(with values: [Int]) {
    hasFailed = values[0] == 1
    duration = .nanoseconds(values[1])
    engine = Engine.allCases[values[2]]
  }
}
