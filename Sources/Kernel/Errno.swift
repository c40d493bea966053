// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// An error number of the kernel, as a failed system call leaves it in `errno`.
package struct Errno: Error, Hashable, Sendable {
  package let rawValue: CInt

  package init(_ rawValue: CInt) { self.rawValue = rawValue }

  /// The calling thread's `errno`.
  package static var last: Errno { Errno(errno) }

  /// The C constant's name, such as `EINVAL`; the bare number where there is none.
  package var name: String {
    if let own = Self.unnamedInLibc[rawValue] { return own.name }
    let name = unsafe CLinux_strerrorname_np(rawValue).map { unsafe String(cString: $0) }
    return name ?? "errno \(rawValue)"
  }

  /// What the number means, in libc's words.
  package var text: String {
    if let own = Self.unnamedInLibc[rawValue] { return own.text }
    let text = unsafe CLinux_strerrordesc_np(rawValue).map { unsafe String(cString: $0) }
    return text ?? "unknown error"
  }

  /// Numbers that the kernel returns to user space although `include/linux/errno.h` keeps them to
  /// itself, so that libc has no name for them.
  private static let unnamedInLibc: [CInt: (name: String, text: String)] = [
    524: ("ENOTSUPP", "Operation is not supported"),
    525: ("ETOOSMALL", "Buffer or request is too small"),
  ]
}

extension Errno {
  package static let notPermitted = Errno(EPERM)
  package static let noEntry = Errno(ENOENT)
  package static let interrupted = Errno(EINTR)
  package static let tryAgain = Errno(EAGAIN)
  package static let outOfMemory = Errno(ENOMEM)
  package static let accessDenied = Errno(EACCES)
  package static let badAddress = Errno(EFAULT)
  package static let busy = Errno(EBUSY)
  package static let exists = Errno(EEXIST)
  package static let noDevice = Errno(ENODEV)
  package static let invalidArgument = Errno(EINVAL)
  package static let noSpace = Errno(ENOSPC)
  package static let outOfRange = Errno(ERANGE)
  package static let noData = Errno(ENODATA)
  package static let badDescriptor = Errno(EBADF)
  package static let notSupported = Errno(EOPNOTSUPP)
  package static let noBuffers = Errno(ENOBUFS)
  package static let inProgress = Errno(EINPROGRESS)
  package static let connectionAborted = Errno(ECONNABORTED)
  package static let connectionReset = Errno(ECONNRESET)
  package static let timedOut = Errno(ETIMEDOUT)
  package static let tooBig = Errno(E2BIG)
  package static let badMessage = Errno(EBADMSG)
  package static let messageTooLong = Errno(EMSGSIZE)
  package static let crossDevice = Errno(EXDEV)
  package static let protocolError = Errno(EPROTO)

  /// `ETOOSMALL`, 525: a control buffer that holds not one message of those that wait
  /// (`net/core/scm.c`, `put_cmsg_notrunc`).
  package static let tooSmall = Errno(525)
}

/// Repeats a system call for as long as a signal interrupts it.
///
/// - Throws: The call's error, unless it is `EINTR`.
@inline(__always)
@discardableResult
package func retrying<Value: FixedWidthInteger>(_ call: () -> Value) throws(Errno) -> Value {
  while true {
    let value = call()
    if value != -1 { return value }
    let error = Errno.last
    if error != .interrupted { throw error }
  }
}
