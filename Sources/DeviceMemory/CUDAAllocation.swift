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
  init(byteCount: Int, in context: consuming CUDAContext) throws(Failure) {
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

  deinit { _ = context.device.library.memFree(address) }

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

  /// Exports the memory as a dma-buf.
  func export() throws(Failure) -> OwnedDescriptor {
    let device = context.device
    var descriptor: CInt = -1
    try device.library.check(
      "export as a dma-buf the memory of", on: device.subject,
      unsafe device.library.memGetHandle(
        &descriptor, address, byteCount, CInt(CLinux_CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD),
        0),
      of: "cuMemGetHandleForAddressRange", hint: CUDAMemory.exportRemedy)
    let dmabuf = OwnedDescriptor(owning: descriptor)
    _ = fcntl(dmabuf.rawValue, F_SETFD, FD_CLOEXEC)
    return dmabuf
  }
}
