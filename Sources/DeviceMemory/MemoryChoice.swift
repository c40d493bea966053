// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Which device memory a run takes, and how much of it.
package struct MemoryChoice: Equatable, Sendable {
  /// Where to take it from.
  package var kind = MemoryKind.udmabuf(nil)

  /// How much to take at least, in bytes; `defaultByteCount` if `nil`, or all that there is of
  /// memory that has its size already.
  package var byteCount: Int?

  /// Ordinary memory, as much as usual, unless chosen otherwise.
  package init(kind: MemoryKind = .udmabuf(nil), byteCount: Int? = nil) {
    self.kind = kind
    self.byteCount = byteCount
  }

  /// How much device memory there is unless options say otherwise, in bytes: as much as the C
  /// tool's `NUM_PAGES`.
  package static let defaultByteCount = 16000 * pageSize

  /// The most that can be asked for, in bytes: more than any host has, and less than what cannot be
  /// rounded up to whole pages of any size.
  package static let byteCountLimit = 1 << 62

  /// Allocates the memory.
  ///
  /// - Parameters:
  ///   - interface: The network interface that it is for.
  ///   - bufferSize: The size of the NIC's buffers in bytes; a page if `nil`.
  /// - Throws: A failure of the kind `unsupported` where this host has no such memory.
  package func allocate(
    near interface: String, forBuffersOf bufferSize: UInt32? = nil
  ) throws(Failure) -> DeviceBuffer {
    let provider = kind.provider(near: interface, forBuffersOf: bufferSize)
    return try provider.allocate(byteCount: provider.roundedUp(byteCount ?? presetByteCount))
  }

  private var presetByteCount: Int {
    if case .descriptor = kind { 1 } else { Self.defaultByteCount }
  }
}
