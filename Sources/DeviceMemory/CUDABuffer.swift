// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// Memory of a GPU, and a copy of it in host memory, of which parts are brought up to date as they
/// are needed: the CPU does not reach the memory itself.
@safe struct CUDABuffer: ~Copyable {
  private let memory: CUDAAllocation
  /// Where the copy is, for as long as this lasts.
  let copy: UnsafeMutableRawPointer
  private let needsFlush: Bool

  init(_ memory: consuming CUDAAllocation) throws(Failure) {
    let device = memory.context.device
    let needsFlush = try device.needsFlush
    var copy: UnsafeMutableRawPointer?
    // Pinned, so that the GPU copies by itself and at once.
    try device.library.check(
      "allocate host memory for", on: device.subject,
      unsafe device.library.memAllocHost(&copy, memory.byteCount), of: "cuMemAllocHost")
    unsafe self.copy = copy!
    self.needsFlush = needsFlush
    self.memory = memory
  }

  deinit { unsafe _ = memory.context.device.library.memFreeHost(copy) }

  var byteCount: Int { memory.byteCount }

  /// The memory, as messages name it.
  var subject: String { "memory of \(memory.context.device.subject)" }

  /// Copies a range from the GPU, with what other devices wrote so far.
  ///
  /// - Precondition: the range is within the memory.
  func fetch(_ range: Range<Int>) throws(Failure) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    guard !range.isEmpty else { return }
    try memory.context.enter()
    let device = memory.context.device
    if needsFlush {
      try device.library.check(
        "wait for writes to", on: device.subject,
        device.library.flushWrites(
          CInt(CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TARGET_CURRENT_CTX),
          CInt(CLinux_CU_FLUSH_GPU_DIRECT_RDMA_WRITES_TO_OWNER)),
        of: "cuFlushGPUDirectRDMAWrites")
    }
    try device.library.check(
      "copy from", on: device.subject,
      unsafe device.library.memcpyDtoH(
        copy + range.lowerBound, memory.address + CLinux_CUdeviceptr(range.lowerBound),
        range.count),
      of: "cuMemcpyDtoH")
  }

  /// Copies a range to the GPU.
  ///
  /// - Precondition: the range is within the memory.
  func store(_ range: Range<Int>) throws(Failure) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    guard !range.isEmpty else { return }
    try memory.context.enter()
    let device = memory.context.device
    try device.library.check(
      "copy to", on: device.subject,
      unsafe device.library.memcpyHtoD(
        memory.address + CLinux_CUdeviceptr(range.lowerBound), copy + range.lowerBound,
        range.count),
      of: "cuMemcpyHtoD")
  }
}
