// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// A process, held by a descriptor: it never refers to another process, even if the number is used
/// again.
package struct ProcessHandle: ~Copyable {
  private let owned: OwnedDescriptor

  /// Opens a handle to a process. The corresponding C function is `pidfd_open`.
  ///
  /// - Throws: `ESRCH` if no process has this number.
  package init(of process: CInt) throws(Errno) {
    owned = OwnedDescriptor(owning: try retrying { CLinux_pidfd_open(process, 0) })
  }

  /// Readable once the process has ended. By then it has closed all it had open: `do_exit` runs the
  /// last work of its files before it reports the end (`kernel/exit.c`).
  package var descriptor: Descriptor { owned.borrowed }

  /// Waits until the process has ended.
  ///
  /// - Returns: `false` if the deadline passed first.
  package func hasEnded(by wait: Wait) throws(Errno) -> Bool {
    try wait.readiness(of: descriptor) == .ready
  }
}
