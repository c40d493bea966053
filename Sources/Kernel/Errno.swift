// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// An error number of the kernel, as a failed system call leaves it in `errno`.
package struct Errno: Error, Hashable, Sendable {
  /// The number, always positive.
  package let rawValue: CInt

  /// An error by its number.
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
  /// The corresponding C error is `EPERM`.
  package static let notPermitted = Errno(EPERM)
  /// The corresponding C error is `ENOENT`.
  package static let noEntry = Errno(ENOENT)
  /// The corresponding C error is `EINTR`.
  package static let interrupted = Errno(EINTR)
  /// The corresponding C error is `EAGAIN`.
  package static let tryAgain = Errno(EAGAIN)
  /// The corresponding C error is `ENOMEM`.
  package static let outOfMemory = Errno(ENOMEM)
  /// The corresponding C error is `EACCES`.
  package static let accessDenied = Errno(EACCES)
  /// The corresponding C error is `EFAULT`.
  package static let badAddress = Errno(EFAULT)
  /// The corresponding C error is `EBUSY`.
  package static let busy = Errno(EBUSY)
  /// The corresponding C error is `EEXIST`.
  package static let exists = Errno(EEXIST)
  /// The corresponding C error is `ENXIO`.
  package static let noDeviceOrAddress = Errno(ENXIO)
  /// The corresponding C error is `ENODEV`.
  package static let noDevice = Errno(ENODEV)
  /// The corresponding C error is `EINVAL`.
  package static let invalidArgument = Errno(EINVAL)
  /// The corresponding C error is `ENOSPC`.
  package static let noSpace = Errno(ENOSPC)
  /// The corresponding C error is `ERANGE`.
  package static let outOfRange = Errno(ERANGE)
  /// The corresponding C error is `ENODATA`.
  package static let noData = Errno(ENODATA)
  /// The corresponding C error is `EBADF`.
  package static let badDescriptor = Errno(EBADF)
  /// The corresponding C error is `EMFILE`.
  package static let tooManyOpenFiles = Errno(EMFILE)
  /// The corresponding C error is `EOPNOTSUPP`.
  package static let notSupported = Errno(EOPNOTSUPP)
  /// The corresponding C error is `ENOBUFS`.
  package static let noBuffers = Errno(ENOBUFS)
  /// The corresponding C error is `EINPROGRESS`.
  package static let inProgress = Errno(EINPROGRESS)
  /// The corresponding C error is `ENETDOWN`.
  package static let networkDown = Errno(ENETDOWN)
  /// The corresponding C error is `ENETUNREACH`.
  package static let networkUnreachable = Errno(ENETUNREACH)
  /// The corresponding C error is `EHOSTUNREACH`.
  package static let hostUnreachable = Errno(EHOSTUNREACH)
  /// The corresponding C error is `ECONNABORTED`.
  package static let connectionAborted = Errno(ECONNABORTED)
  /// The corresponding C error is `ECONNRESET`.
  package static let connectionReset = Errno(ECONNRESET)
  /// The corresponding C error is `EPIPE`.
  package static let brokenPipe = Errno(EPIPE)
  /// The corresponding C error is `EADDRINUSE`.
  package static let addressInUse = Errno(EADDRINUSE)
  /// The corresponding C error is `ECONNREFUSED`.
  package static let connectionRefused = Errno(ECONNREFUSED)
  /// The corresponding C error is `ETIMEDOUT`.
  package static let timedOut = Errno(ETIMEDOUT)
  /// The corresponding C error is `E2BIG`.
  package static let tooBig = Errno(E2BIG)
  /// The corresponding C error is `EBADMSG`.
  package static let badMessage = Errno(EBADMSG)
  /// The corresponding C error is `EMSGSIZE`.
  package static let messageTooLong = Errno(EMSGSIZE)
  /// The corresponding C error is `EXDEV`.
  package static let crossDevice = Errno(EXDEV)
  /// The corresponding C error is `EPROTO`.
  package static let protocolError = Errno(EPROTO)

  /// `ETOOSMALL`, 525: a control buffer that holds not one message of those that wait
  /// (`net/core/scm.c`, `put_cmsg_notrunc`).
  package static let tooSmall = Errno(525)
}

/// Repeats a system call that has to be started anew when it is interrupted or not possible yet.
///
/// - Parameter limit: How many times to call at most; from the second time on, a millisecond apart.
/// - Throws: The call's error, `EINTR` and `EAGAIN` only from the last call.
@discardableResult
package func restarting<Value: FixedWidthInteger>(
  atMost limit: Int = 1000, _ call: () -> Value
) throws(Errno) -> Value {
  var count = 1
  while true {
    let value = call()
    if value != -1 { return value }
    let error = Errno.last
    guard error == .interrupted || error == .tryAgain, count < limit else { throw error }
    count += 1
    pause(for: .milliseconds(1))
  }
}

/// Repeats a system call that a signal interrupts, a hundred times at most: no run gets so many
/// signals within one call, and a call that is never anything but interrupted must end, too.
///
/// - Throws: The call's error, `EINTR` only from the last call.
@discardableResult
package func retrying<Value: FixedWidthInteger>(_ call: () -> Value) throws(Errno) -> Value {
  Value(try retryingTransfer { Int(call()) })
}

/// The same for a call that returns how many bytes it moved: what is made for any type would cost a
/// `recvmsg` as much as all else around it.
package func retryingTransfer(_ call: () -> Int) throws(Errno) -> Int {
  var count = 1
  while true {
    let value = call()
    if value != -1 { return value }
    let error = Errno.last
    if error != .interrupted || count == 100 { throw error }
    count += 1
  }
}
