// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// A source of memory that a NIC can write payload into.
package protocol MemoryProvider: Sendable {
  /// Allocates memory and exports it as a dma-buf.
  ///
  /// - Parameter byteCount: A multiple of `granularity`, in bytes.
  /// - Throws: A `Failure` of kind `unsupported` where this host has no such memory.
  func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer

  /// The size in bytes that allocations are multiples of, which is also the least size and
  /// alignment of the physically contiguous pieces that the memory consists of.
  var granularity: Int { get }
}

extension MemoryProvider {
  /// The least multiple of the provider's granularity that holds so many bytes.
  package func roundedUp(_ byteCount: Int) -> Int {
    (byteCount + granularity - 1) / granularity * granularity
  }
}
