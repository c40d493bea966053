// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
internal import Sockets

extension Failure {
  /// What `recvmsg` on a devmem flow fails with, and why (`net/ipv4/tcp.c`, `tcp_recvmsg_locked`
  /// and `tcp_recvmsg_dmabuf`).
  init(toReceive errno: Errno) {
    let hint: String? =
      switch errno {
      case .badAddress:
        "the kernel could not copy what it must; in manual mode: a socket that used another binding"
      case .noDevice:
        "the payload is in memory that no devmem binding owns, or its binding is gone"
      case .tooSmall:
        "control messages need more than \(ReceiveFrame.controlLimit) bytes"
      case .outOfMemory:
        "the kernel has no memory for tokens"
      case .connectionReset:
        "the peer broke the connection off"
      default:
        nil
      }
    self.init("receive", errno: errno, hint: hint)
  }
}

extension Failure {
  /// What to look at where nothing comes. Few drivers report lost frames as a queue's drops; the
  /// others have counters of their own names (`gve_ethtool.c`, `mlx5/core/en_stats.c`,
  /// `bnxt_ethtool.c`).
  package static let hintOfSilence =
    "is the peer still sending? an empty page pool loses frames, which `ethtool -S` counts, such as "
    + "rx_out_of_buffer (mlx5), rx_no_buffers_posted (gve), rx_total_oom_discards (bnxt), "
    + "or the queue's rx-alloc-fail and rx-hw-drops"
}
