// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
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

  /// What `recv` fails with, and why.
  init(toReceiveCopy errno: Errno) {
    let hint: String? =
      switch errno {
      case .badAddress:
        "the payload is in device memory: another program's binding gets this flow"
      case .connectionReset:
        "the peer broke the connection off"
      default:
        nil
      }
    self.init("receive", errno: errno, hint: hint)
  }
}
