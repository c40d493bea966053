// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// Signals as a descriptor that becomes readable, so that a process acts on them at points of its
/// own choice and not wherever they arrive.
struct SignalDescriptor: ~Copyable, Sendable {
  private let owned: OwnedDescriptor

  /// Blocks the signals for the process, which must still have one thread only, and opens the
  /// descriptor. One that the process found ignored stays so, as `nohup` and shells want it: blocked,
  /// it would be queued nevertheless (`kernel/signal.c`, `sig_ignored`). The corresponding C functions
  /// are `sigprocmask` and `signalfd`.
  init(_ signals: [CInt]) throws(Errno) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals where !Self.isIgnored(signal) { unsafe sigaddset(&set, signal) }
    try retrying { unsafe sigprocmask(SIG_BLOCK, &set, nil) }
    owned = OwnedDescriptor(
      owning: try retrying {
        unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
      })
  }

  /// Readable while a signal is pending.
  var descriptor: Descriptor { owned.borrowed }

  /// Takes a pending signal; `nil` if there is none.
  func take() -> CInt? {
    var info = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    let count = unsafe Glibc.read(owned.rawValue, &info, size)
    return count == size ? CInt(info.ssi_signo) : nil
  }

  private static func isIgnored(_ signal: CInt) -> Bool {
    var action = sigaction()
    unsafe sigaction(signal, nil, &action)
    let handler = unsafe action.__sigaction_handler.sa_handler
    return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
