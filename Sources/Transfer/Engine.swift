// SPDX-License-Identifier: GPL-2.0-only

/// By which of the kernel's ways payload gets from the NIC to a run, or from a run to the NIC.
package enum Engine: String, CaseIterable, Equatable, Sendable {
  /// Device-memory TCP: the NIC accesses memory of the run's choice.
  case devmem
  /// io_uring's zero-copy receive: the NIC writes into memory that a ring is registered over.
  case zcrx
  /// Ordinary sockets: the kernel copies.
  case socket
  /// Ordinary sockets, and no copy where the kernel can do without: it shows received pages
  /// (`TCP_ZEROCOPY_RECEIVE`), and sends from the run's memory (`MSG_ZEROCOPY`).
  case zerocopySocket = "socket:zerocopy"

  /// As the option `--engine` names it.
  package var name: String { rawValue }

  /// The place among all, by which the ends of a measurement name it to each other.
  package var number: Int { Self.allCases.firstIndex(of: self)! }

  /// Whether the payload is in ordinary memory.
  package var isSocket: Bool { self == .socket || self == .zerocopySocket }

  /// What sends at an end with this engine. A ring only receives.
  ///
  /// - Parameter fromHostMemory: Whether it is not to send from device memory in any case.
  package func sending(fromHostMemory: Bool) -> Engine {
    (fromHostMemory && !isSocket) || self == .zcrx ? .socket : self
  }
}
