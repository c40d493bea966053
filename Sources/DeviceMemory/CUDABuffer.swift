// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// Memory of a GPU, and a copy of it in host memory, of which parts are brought up to date as they
/// are needed: the CPU does not reach the memory itself. A class, since those who compare the memory
/// on the GPU keep it as well.
@safe final class CUDABuffer: @unchecked Sendable {
  private let host: CUDAHostMemory
  private let memory: CUDAAllocation
  private let needsFlush: Bool

  init(_ memory: consuming CUDAAllocation) throws(Failure) {
    needsFlush = try memory.context.device.needsFlush
    host = try CUDAHostMemory(byteCount: memory.byteCount, in: memory.context)
    self.memory = memory
  }

  var byteCount: Int { memory.byteCount }

  /// Where the copy is, for as long as this lasts.
  var copy: UnsafeMutableRawPointer { unsafe host.base }

  /// The address of the memory itself, for the GPU.
  var address: CLinux_CUdeviceptr { memory.address }

  var context: CUDAContext { memory.context }

  private var device: CUDADevice { context.device }

  /// The memory, as messages name it.
  var subject: String { "memory of \(device.subject)" }

  /// Has the GPU see what other devices wrote so far, in the context that the thread has entered.
  func flush() throws(Failure) {
    guard needsFlush else { return }
    try device.library.check(
      "wait for writes to", on: device.subject,
      device.library.flushWrites(
        CInt(CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TARGET_CURRENT_CTX),
        CInt(CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TO_OWNER)),
      of: "cuFlushGPUDirectRDMAWrites")
  }

  /// Copies a range from the GPU, with what other devices wrote so far.
  ///
  /// - Precondition: the range is within the memory.
  func fetch(_ range: Range<Int>) throws(Failure) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    guard !range.isEmpty else { return }
    try context.enter()
    try flush()
    try device.library.check(
      "copy from", on: device.subject,
      unsafe device.library.memcpyDtoH(
        copy + range.lowerBound, address + CLinux_CUdeviceptr(range.lowerBound), range.count),
      of: "cuMemcpyDtoH")
  }

  /// Copies a range to the GPU.
  ///
  /// - Precondition: the range is within the memory.
  func store(_ range: Range<Int>) throws(Failure) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    guard !range.isEmpty else { return }
    try context.enter()
    try device.library.check(
      "copy to", on: device.subject,
      unsafe device.library.memcpyHtoD(
        address + CLinux_CUdeviceptr(range.lowerBound), copy + range.lowerBound, range.count),
      of: "cuMemcpyHtoD")
  }
}
