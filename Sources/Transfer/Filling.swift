// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
internal import Glibc
package import Kernel

/// Random bytes in device memory, from before its binding. Where they still are although the NIC
/// reports payload, nothing was written: no payload equals them but by chance.
package struct Filling: Sendable {
  /// How much of a memory is filled at most, in bytes. A page pool hands out the lowest memory first
  /// (`net/core/devmem.c`, `gen_pool_alloc_owner`): a flow begins there.
  package static let limit = 256 << 20

  /// What is repeated over the memory.
  private let block: [UInt8]
  /// How many bytes are filled, from the start of the memory.
  package let byteCount: Int

  /// Fills a memory, or the start of a large one.
  package init(of memory: inout some WritableMemory & ~Copyable) throws(Failure) {
    var generator = SystemRandomNumberGenerator()
    let block = (0..<4096).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    byteCount = try memory.writing(0..<min(memory.byteCount, Self.limit)) { bytes in
      let count = bytes.byteCount
      unsafe bytes.withUnsafeMutableBytes { bytes in
        unsafe block.withUnsafeBytes { block in
          for start in stride(from: 0, to: count, by: block.count) {
            unsafe memcpy(
              bytes.baseAddress! + start, block.baseAddress!, min(block.count, count - start))
          }
        }
      }
      return count
    }
    self.block = block
  }

  /// Whether a range is as it was filled.
  ///
  /// - Parameter bytes: The whole memory.
  /// - Precondition: the range is within the filled part.
  package func isIntact(_ range: Range<Int>, of bytes: RawSpan) -> Bool {
    precondition(range.upperBound <= byteCount)
    return range.allSatisfy {
      unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == block[$0 % block.count]
    }
  }
}
