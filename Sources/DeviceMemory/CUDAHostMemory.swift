// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// Host memory that stays where it is, so that a GPU copies to it by itself and at once. A kernel
/// reaches it at the address that the CPU uses ("unified addressing", which every GPU has that a
/// 64-bit Linux drives).
@safe struct CUDAHostMemory: ~Copyable {
  private let context: CUDAContext
  /// Where it is, for as long as this lasts.
  let base: UnsafeMutableRawPointer

  init(byteCount: Int, in context: CUDAContext) throws(Failure) {
    try context.enter()
    let device = context.device
    var base: UnsafeMutableRawPointer?
    try device.library.check(
      "allocate host memory for", on: device.subject,
      unsafe device.library.memAllocHost(&base, byteCount), of: "cuMemAllocHost")
    self.context = context
    unsafe self.base = base!
  }

  deinit {
    context.enterToRelease()
    unsafe _ = context.device.library.memFreeHost(base)
  }

  /// The address for the GPU of a place in it.
  func address(of place: UnsafeMutablePointer<UInt8>) -> CLinux_CUdeviceptr {
    CLinux_CUdeviceptr(UInt(bitPattern: place))
  }
}
