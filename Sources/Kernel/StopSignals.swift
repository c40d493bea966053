// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable, so that a run stops at points
/// of its own choice and not wherever the signal arrives.
package struct StopSignals: ~Copyable {
  private let owned: OwnedDescriptor

  /// Blocks the three signals for the process, which must still have one thread only, and opens the
  /// descriptor. One that the process found ignored stays so, as `nohup` and shells want it: blocked,
  /// it would be queued nevertheless (`kernel/signal.c`, `sig_ignored`). SIGPIPE is ignored, too. The
  /// corresponding C functions are `sigprocmask` and `signalfd`.
  package init() throws(Errno) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in [SIGINT, SIGTERM, SIGHUP] where !Self.isIgnored(signal) {
      unsafe sigaddset(&set, signal)
    }
    try retrying { unsafe sigprocmask(SIG_BLOCK, &set, nil) }
    Self.ignoreBrokenPipes()
    owned = OwnedDescriptor(
      owning: try retrying {
        unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
      })
  }

  /// Has a write to a reader that is gone fail: SIGPIPE would end the process before its clean-up,
  /// and before its document. The corresponding C function is `signal`.
  package static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  /// Readable while a signal is pending.
  package var descriptor: Descriptor { owned.borrowed }

  /// Takes a pending signal; `nil` if there is none.
  package func take() -> CInt? {
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
