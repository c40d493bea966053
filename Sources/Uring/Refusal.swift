// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// What to do when the kernel refuses a ring for one of its reasons, which it gives by a number only.
package struct Refusal: Sendable {
  /// The kernel's error number.
  private let errno: Errno
  /// What to do about it.
  private let hint: String
  /// What the refusal means for the process.
  private let kind: Failure.Kind

  private init(_ errno: Errno, _ hint: String, kind: Failure.Kind = .failed) {
    self.errno = errno
    self.hint = hint
    self.kind = kind
  }

  /// For a new ring: what `io_uring_setup` (`io_uring/io_uring.c`) fails with.
  package static let ofRings = [
    Refusal(
      Errno(ENOSYS), "use a kernel with CONFIG_IO_URING, or allow io_uring in the container",
      kind: .unsupported),
    Refusal(
      .notPermitted,
      "sysctl kernel.io_uring_disabled=0; a container may forbid io_uring, too (seccomp)",
      kind: .unsupported),
    Refusal(.invalidArgument, "it needs Linux 6.15", kind: .unsupported),
    Refusal(.outOfMemory, memoryLimit),
  ]

  /// For the registration of a queue over pages: what `io_register_zcrx` (`io_uring/zcrx.c`) and
  /// `netif_mp_open_rxq` (`net/core/netdev_rx_queue.c`) fail with. Of several reasons for one number,
  /// the kernel says none.
  package static let ofPages = [
    Refusal(
      .notPermitted, "it takes CAP_NET_ADMIN in the initial user namespace: no container has that",
      kind: .unsupported),
    Refusal(
      .invalidArgument,
      "header split must be on and hds-thresh 0; with -b, it needs Linux 7.0 and a driver that has "
        + "such buffers"),
    Refusal(
      .outOfRange,
      "the device has no such queue (-t, -q), or the memory lies in pieces too small for such "
        + "buffers (-b): take huge pages (--memory host:huge=2M)"),
    Refusal(.noDevice, "the interface went away"),
    Refusal(
      .notSupported,
      "the driver cannot restart its queues, or has no buffers of such a size (-b)",
      kind: .unsupported),
    Refusal(.exists, "the queue has memory already, or the interface an XDP program"),
    Refusal(.busy, "an AF_XDP socket or a virtual device has the queue: choose others (-t, -q)"),
    Refusal(.noData, "the driver did not take the memory for the queue", kind: .unsupported),
    Refusal(.outOfMemory, memoryLimit),
  ]

  /// The same over a dma-buf, which the kernel takes since 6.16.
  package static let ofDMABufs =
    [
      Refusal(
        .invalidArgument,
        "header split must be on and hds-thresh 0; a dma-buf needs Linux 6.16, and -b 7.0")
    ] + ofPages

  private static let memoryLimit =
    "raise the limit of locked memory (ulimit -l), or take less (--memory-size)"

  fileprivate func explain(_ failure: Failure) -> Failure? {
    guard errno == failure.errno else { return nil }
    var failure = failure.counted(as: kind)
    failure.hint = hint
    return failure
  }
}

extension Failure {
  /// The same failure with the first explanation that fits it.
  package func explained(by refusals: [Refusal]) -> Failure {
    for refusal in refusals {
      if let explained = refusal.explain(self) { return explained }
    }
    return self
  }
}
