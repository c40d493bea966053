// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable, so that a run stops at points
/// of its own choice and not wherever the signal arrives.
package struct StopSignals: ~Copyable {
  private let signals: SignalDescriptor

  /// Blocks the three signals for the process, which must still have one thread only, and opens the
  /// descriptor. One that the process found ignored stays so. SIGPIPE is ignored, too.
  package init() throws(Errno) {
    Self.ignoreBrokenPipes()
    signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP])
  }

  /// Has a write to a reader that is gone fail: SIGPIPE would end the process before its clean-up,
  /// and before its document. The corresponding C function is `signal`.
  package static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  /// Readable while a signal is pending.
  package var descriptor: Descriptor { signals.descriptor }

  /// Takes a pending signal; `nil` if there is none.
  package func take() -> CInt? { signals.take() }
}
