// SPDX-License-Identifier: GPL-2.0-only

/// What a receive loop did.
package struct ReceiveStatistics: Equatable, Sendable {
  /// Bytes of payload by where they were found.
  package var deviceBytes = 0
  package var linearBytes = 0
  package var plainBytes = 0

  /// Pieces of payload in device memory.
  package var fragments = 0

  /// Calls of `recvmsg` that returned payload.
  package var receiveCalls = 0

  /// Fragments that the kernel took back, and the calls of `SO_DEVMEM_DONTNEED` it took.
  package var tokensReturned = 0
  package var returnCalls = 0

  package init() {}

  /// The stream's length so far, in bytes.
  package var totalBytes: Int { deviceBytes + linearBytes + plainBytes }
}
