// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// A TCP flow, or all flows to one place, as a NIC sees it.
package struct FlowTuple: Equatable, Sendable {
  /// One end of a flow.
  package struct End: Equatable, Sendable {
    /// An address of either family.
    package var address: IPAddress
    /// A TCP port in the host's byte order; any if `nil`.
    package var port: UInt16?

    /// Names an end by its address and its TCP port.
    package init(_ address: IPAddress, port: UInt16?) {
      self.address = address
      self.port = port
    }
  }

  /// Where its packets go: this host.
  package var destination: End
  /// Where they come from; `nil` for anywhere.
  package var source: End?

  /// Describes a flow.
  ///
  /// - Precondition: Both ends have addresses of one family.
  package init(to destination: End, from source: End? = nil) {
    precondition(source.map { $0.address.family == destination.address.family } ?? true)
    self.destination = destination
    self.source = source
  }

  /// The same destination, from anywhere: 3 values to match instead of 5.
  package var fromAnywhere: FlowTuple { FlowTuple(to: destination) }
}

/// Where a flow rule sends packets.
package enum FlowTarget: Equatable, Sendable {
  /// One RX queue.
  case queue(UInt32)
  /// The queues in the table of an RSS context.
  case context(UInt32)
}
