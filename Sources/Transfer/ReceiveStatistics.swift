// SPDX-License-Identifier: GPL-2.0-only

/// What a receive loop did.
package struct ReceiveStatistics: Equatable, Sendable {
  /// Bytes of payload that were found in device memory.
  package var deviceBytes = 0
  /// Bytes of payload that a bound queue left in host memory.
  package var linearBytes = 0
  /// Bytes of payload that did not come through a bound queue.
  package var plainBytes = 0

  /// Bytes of these that a socket has shown in the NIC's pages; it has copied or dropped the others.
  package var mappedBytes = 0

  /// Pieces of payload in device memory.
  package var fragments = 0

  /// Calls of `recvmsg`, or what an engine has in its place, that returned payload.
  package var receiveCalls = 0

  /// Fragments that the kernel took back.
  package var tokensReturned = 0
  /// Calls of `SO_DEVMEM_DONTNEED` that returned them.
  package var returnCalls = 0

  /// Nothing yet.
  package init() {}

  /// The stream's length so far, in bytes.
  package var totalBytes: Int { deviceBytes + linearBytes + plainBytes }
}
