// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel

/// Memory of a GPU.
@safe struct CUDAAllocation: ~Copyable {
  let context: CUDAContext
  let address: CLinux_CUdeviceptr
  let byteCount: Int

  /// Allocates memory.
  init(byteCount: Int, in context: CUDAContext) throws(Failure) {
    try context.enter()
    let device = context.device
    let library = device.library
    var address: CLinux_CUdeviceptr = 0
    try library.check(
      "allocate \(byteCount) bytes", on: "on \(device.subject)",
      unsafe library.memAlloc(&address, byteCount), of: "cuMemAlloc")
    self.context = context
    self.address = address
    self.byteCount = byteCount
  }

  deinit {
    context.enterToRelease()
    _ = context.device.library.memFree(address)
  }

  /// Makes the memory all zero, since what an earlier run left there must not pass for payload, and
  /// fit for use with other devices.
  func prepare() throws(Failure) {
    let device = context.device
    let library = device.library
    // Without this, a copy might overtake what another device writes.
    var isOn: CInt = 1
    try library.check(
      "synchronize the memory of", on: device.subject,
      unsafe library.pointerSetAttribute(
        &isOn, CInt(CLinux_CU_POINTER_ATTRIBUTE_SYNC_MEMOPS), address),
      of: "cuPointerSetAttribute")
    try library.check(
      "clear the memory of", on: device.subject, library.memsetD8(address, 0, byteCount),
      of: "cuMemsetD8")
    try library.check(
      "clear the memory of", on: device.subject, library.contextSynchronize(),
      of: "cuCtxSynchronize")
  }

  /// Exports the memory as a dma-buf, mapped for PCIe if the driver can do that.
  func export() throws(Failure) -> CUDAExport {
    var mapping = CUDAMapping.pcie
    var (result, descriptor) = tryExport(mapped: mapping)
    if CUDAMapping.refusals.contains(result) {
      mapping = .standard
      (result, descriptor) = tryExport(mapped: mapping)
    }
    try context.device.library.check(
      "export as a dma-buf the memory of", on: context.device.subject, result,
      of: "cuMemGetHandleForAddressRange", hint: CUDAMemory.exportRemedy)
    let dmabuf = OwnedDescriptor(owning: descriptor)
    _ = fcntl(dmabuf.rawValue, F_SETFD, FD_CLOEXEC)
    return CUDAExport(dmabuf: dmabuf, mapping: mapping)
  }

  /// Why the driver does not export the memory in a way; `nil` where it does.
  func refusal(toExport mapping: CUDAMapping) -> String? {
    let (result, descriptor) = tryExport(mapped: mapping)
    guard result == CLinux_CUresult(CLinux_CUDA_SUCCESS.rawValue) else {
      return context.device.library.describe(result)
    }
    _ = OwnedDescriptor(owning: descriptor)
    return nil
  }

  private func tryExport(mapped mapping: CUDAMapping) -> (CLinux_CUresult, CInt) {
    var descriptor: CInt = -1
    let result = unsafe context.device.library.memGetHandle(
      &descriptor, address, byteCount, CInt(CLinux_CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD),
      mapping.flags)
    return (result, descriptor)
  }
}

/// A dma-buf of a GPU's memory, and how it is mapped for other devices.
struct CUDAExport: ~Copyable {
  let dmabuf: OwnedDescriptor
  let mapping: CUDAMapping
}
