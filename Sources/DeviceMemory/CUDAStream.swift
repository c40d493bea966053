// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel

/// What a GPU does one after the other.
@safe struct CUDAStream: ~Copyable {
  private let context: CUDAContext
  private let stream: CLinux_CUstream?

  /// How long a kernel may take that compares some MiB.
  private static let limit = Duration.seconds(10)
  /// Questions to the driver between two looks at the clock.
  private static let questionsPerLook = 64

  init(in context: CUDAContext) throws(Failure) {
    try context.enter()
    let device = context.device
    var stream: CLinux_CUstream?
    try device.library.check(
      "make a stream on", on: device.subject,
      unsafe device.library.streamCreate(&stream, CUnsignedInt(CLinux_CU_STREAM_NON_BLOCKING)),
      of: "cuStreamCreate")
    self.context = context
    unsafe self.stream = stream
  }

  deinit {
    context.enterToRelease()
    unsafe _ = device.library.streamDestroy(stream)
  }

  private var device: CUDADevice { context.device }

  /// Starts a function, in the context that the calling thread has entered.
  ///
  /// - Parameters:
  ///   - blocks: How many blocks of `threads` threads.
  ///   - parameters: A pointer to each parameter.
  func launch(
    _ function: CLinux_CUfunction?, blocks: Int, threads: Int,
    _ parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) throws(Failure) {
    try device.library.check(
      "start a kernel on", on: device.subject,
      unsafe device.library.launchKernel(
        function, CUnsignedInt(blocks), 1, 1, CUnsignedInt(threads), 1, 1, 0, stream, parameters,
        nil),
      of: "cuLaunchKernel")
  }

  /// Waits until all is done that was started.
  func finish() throws(Failure) {
    let deadline = Instant.now.advanced(by: Self.limit)
    while true {
      for _ in 0..<Self.questionsPerLook {
        let result = unsafe device.library.streamQuery(stream)
        guard result == CLinux_CUresult(CLinux_CUDA_ERROR_NOT_READY.rawValue) else {
          return try device.library.check(
            "run a kernel on", on: device.subject, result, of: "cuStreamQuery")
        }
      }
      guard .now < deadline else {
        throw Failure(
          "run a kernel on", on: device.subject, errno: .timedOut,
          reason: "no end within \(Self.limit.components.seconds) s",
          hint: "see dmesg for NVRM or Xid")
      }
      _ = sched_yield()
    }
  }
}
