// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// What to do when the kernel refuses a binding for one of its reasons.
struct Remedy: Sendable {
  /// The kernel's error number.
  let errno: Errno
  /// A part of the kernel's words, where the errno has several causes; empty for all other causes.
  let words: String
  /// What to do about it.
  let hint: String
  /// What the refusal means for the process.
  let kind: Failure.Kind

  private init(
    _ errno: Errno, on words: String = "", _ hint: String, kind: Failure.Kind = .failed
  ) {
    self.errno = errno
    self.words = words
    self.hint = hint
    self.kind = kind
  }

  /// For `bind-rx`: what `netdev_nl_bind_rx_doit` (`net/core/netdev-genl.c`),
  /// `net_devmem_bind_dmabuf` (`net/core/devmem.c`) and `netif_mp_open_rxq`
  /// (`net/core/netdev_rx_queue.c`) fail with. Older kernels say less, so that each errno has an
  /// entry without words.
  static let receive = [
    Remedy(.invalidArgument, on: "tcp-data-split", headerSplit),
    Remedy(.invalidArgument, on: "hds-thresh", headerSplit),
    Remedy(
      .invalidArgument, on: "sg entry", "the memory lies in pieces too small for such buffers (-b)"),
    Remedy(.invalidArgument, on: modeWord, otherMode),
    Remedy(.invalidArgument, "the device may lack such a queue (-t, -q), or \(headerSplit)"),
    Remedy(.outOfRange, noSuchQueue),
    Remedy(.noDevice, gone),
    Remedy(
      .notSupported, on: "rx_page_size", "the driver has buffers of one size: leave -b out",
      kind: .unsupported),
    Remedy(
      .notSupported, on: deviceWord, "choose queues that share a device (-t, -q)",
      kind: .unsupported),
    Remedy(
      .notSupported,
      "the driver, a device of this kind, or a kernel without CONFIG_NET_DEVMEM cannot do it",
      kind: .unsupported),
    Remedy(.exists, on: "XDP", "detach the XDP program: ip link set dev IFACE xdp off"),
    Remedy(.exists, "the queue has memory already, or the interface an XDP program"),
    Remedy(.busy, on: "AF_XDP", "choose queues that no AF_XDP socket has (-t, -q)"),
    Remedy(.busy, on: "leased", "bind the queue through the virtual device that it is leased to"),
    Remedy(.busy, on: modeWord, otherMode),
    Remedy(.busy, "an AF_XDP socket or a virtual device has the queue, or \(otherMode)"),
    Remedy(.noData, "the driver did not take the memory for the queue", kind: .unsupported),
    Remedy(.tooBig, "the driver's buffers are not of the size that the memory is cut into (-b)"),
    Remedy(.outOfMemory, "memory of an earlier run may take some seconds to come back"),
  ]

  /// For `bind-rx` of queues among which the first one is: a driver may be unable to restart that
  /// (`drivers/net/ethernet/google/gve/gve_main.c`, `gve_rx_queue_stop`), and the kernel's own
  /// `ERANGE` has words.
  static let receiveOfFirst =
    [
      Remedy(.outOfRange, on: "out of range", noSuchQueue),
      Remedy(
        .outOfRange,
        "this driver may be unable to restart queue 0, as gve is: choose others (-t); "
          + "or it has no buffers of such a size (-b)", kind: .unsupported),
    ] + receive

  /// For `bind-tx`: what `netdev_nl_bind_tx_doit` and `net_devmem_bind_dmabuf` fail with.
  static let transmit = [
    Remedy(.invalidArgument, "the memory must be whole pages"),
    Remedy(.noDevice, gone),
    Remedy(
      .notSupported, "the driver, or a kernel without CONFIG_NET_DEVMEM, cannot do it",
      kind: .unsupported),
    Remedy(.outOfMemory, "memory of an earlier run may take some seconds to come back"),
  ]

  /// A word of the kernel's text where bindings are in the other token mode.
  static let modeWord = "autorelease"

  /// A word of the kernel's text where queues have different devices for DMA.
  static let deviceWord = "mismatch"

  private static let noSuchQueue =
    "the device has no such queue (-t, -q), or no buffers of such a size (-b)"
  private static let headerSplit = "header split must be on and hds-thresh 0"
  private static let otherMode = "another binding has the other token mode (-a)"
  private static let gone = "the interface went away"
}

extension Failure {
  /// The same failure with the first remedy that fits it.
  func explained(by remedies: [Remedy]) -> Failure {
    let fitting = remedies.first { remedy in
      remedy.errno == errno && (remedy.words.isEmpty || reason?.contains(remedy.words) == true)
    }
    guard let fitting else { return self }
    var failure = self
    failure.hint = fitting.hint
    failure.kind = fitting.kind
    return failure
  }
}
