// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A kernel in a GPU that compares the GPU's memory with a pattern: loaded and tried once, used by
/// as many `GPUComparison`s as there are streams.
@safe package final class GPUComparer: @unchecked Sendable {
  let memory: CUDABuffer
  /// One period of the pattern.
  let pattern: [UInt8]
  private let module: CUDAModule

  /// Loads the kernel, and tries it on bytes that are known.
  ///
  /// - Throws: Why the GPU does not compare, or not as it must.
  fileprivate init(of memory: CUDABuffer, with pattern: [UInt8]) throws(Failure) {
    self.memory = memory
    self.pattern = pattern
    module = try CUDAModule(
      ComparisonKernel.source, function: ComparisonKernel.name, in: memory.context)
    var comparison = try comparison()
    try comparison.tryKernel()
  }

  var function: CLinux_CUfunction? { unsafe module.function }

  /// What compares one stream.
  package func comparison() throws(Failure) -> GPUComparison { try GPUComparison(by: self) }
}

extension DeviceBuffer {
  /// What compares the memory where it is.
  ///
  /// - Parameter pattern: One period of what to compare with, of 256 bytes at most.
  /// - Returns: `nil` for memory that is not a GPU's.
  /// - Throws: Why the GPU does not compare, or not as it must.
  package func comparer(with pattern: [UInt8]) throws(Failure) -> GPUComparer? {
    guard let memory = copied else { return nil }
    return try GPUComparer(of: memory, with: pattern)
  }
}
