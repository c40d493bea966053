// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel

/// The standard output, opened so that a reader who does not read cannot hold up a stop signal.
struct StandardOutput: ~Copyable {
  private let reopened: OwnedDescriptor?

  /// Pipes and terminals are opened afresh, because `O_NONBLOCK` set on the descriptor that this
  /// process inherited would be set for all who share it. A file never blocks for long; where
  /// opening afresh is refused (a socket, somebody else's pipe), writes block as usual.
  init() {
    let raw = unsafe isRegularFile ? -1 : open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    reopened = raw >= 0 ? OwnedDescriptor(owning: raw) : nil
  }

  var rawDescriptor: CInt {
    switch reopened {
    case .some(let descriptor): descriptor.rawValue
    case .none: STDOUT_FILENO
    }
  }
}

/// A file must not be opened afresh: the offset, and `O_APPEND`, belong to the one inherited.
private var isRegularFile: Bool {
  var status = stat()
  return unsafe fstat(STDOUT_FILENO, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
}
