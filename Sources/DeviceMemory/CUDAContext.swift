// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// A GPU's primary context, which all users of the GPU in this process share. It is released once
/// nothing is left that was made in it.
@safe final class CUDAContext: @unchecked Sendable {
  let device: CUDADevice
  private let context: CLinux_CUcontext?

  init(on device: CUDADevice) throws(Failure) {
    var context: CLinux_CUcontext?
    try device.library.check(
      "use", on: device.subject,
      unsafe device.library.primaryContextRetain(&context, device.handle),
      of: "cuDevicePrimaryCtxRetain")
    self.device = device
    unsafe self.context = context
  }

  deinit { _ = device.library.primaryContextRelease(device.handle) }

  /// Makes it the calling thread's, which each call about memory acts on.
  func enter() throws(Failure) {
    try device.library.check(
      "use", on: device.subject, unsafe device.library.contextSetCurrent(context),
      of: "cuCtxSetCurrent")
  }

  /// The same, to release something: by whichever thread drops it last. A failure is not reported,
  /// as those of the release are not.
  func enterToRelease() { unsafe _ = device.library.contextSetCurrent(context) }
}
