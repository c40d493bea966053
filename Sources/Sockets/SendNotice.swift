// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel

/// What the kernel put on a socket's error queue.
package enum SendNotice: Equatable, Sendable {
  /// Sends `first` to `last`, numbered as in `SendTracker`, are complete. `copied` if the kernel
  /// copied their payload after all (`SO_EE_CODE_ZEROCOPY_COPIED`).
  case complete(first: UInt32, last: UInt32, copied: Bool)
  /// Something else.
  case other

  /// Takes the next notice off a socket's error queue; `nil` if there is none.
  init?(from socket: Descriptor) throws(Errno) {
    var control = InlineArray<16, UInt64>(repeating: 0)
    var span = control.mutableSpan
    var length = 0
    do throws(Errno) {
      try unsafe span.withUnsafeMutableBytes { control throws(Errno) in
        var message = unsafe msghdr()
        unsafe message.msg_control = control.baseAddress
        unsafe message.msg_controllen = control.count
        _ = try retrying { unsafe recvmsg(socket.rawValue, &message, CInt(MSG_ERRQUEUE)) }
        length = unsafe message.msg_controllen
      }
    } catch {
      guard error == .tryAgain else { throw error }
      return nil
    }
    self.init(unsafe span.span.bytes.extracting(first: length))
  }

  /// Reads the control messages of a notice: IPv4's or IPv6's `RECVERR`, whose data begin with a
  /// `struct sock_extended_err`.
  package init(_ control: RawSpan) {
    self = .other
    guard control.byteCount >= MemoryLayout<cmsghdr>.size + MemoryLayout<sock_extended_err>.size
    else { return }
    let header = unsafe control.unsafeLoad(as: cmsghdr.self)
    let notice = unsafe control.unsafeLoad(
      fromByteOffset: MemoryLayout<cmsghdr>.size, as: sock_extended_err.self)
    let isRecvErr =
      (header.cmsg_level == CInt(IPPROTO_IP) && header.cmsg_type == IP_RECVERR)
      || (header.cmsg_level == CInt(IPPROTO_IPV6) && header.cmsg_type == IPV6_RECVERR)
    guard isRecvErr, notice.ee_errno == 0, notice.ee_origin == UInt8(SO_EE_ORIGIN_ZEROCOPY)
    else { return }
    self = .complete(
      first: notice.ee_info, last: notice.ee_data,
      copied: notice.ee_code == UInt8(SO_EE_CODE_ZEROCOPY_COPIED))
  }
}
