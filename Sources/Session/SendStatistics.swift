// SPDX-License-Identifier: GPL-2.0-only

/// What a send loop did.
package struct SendStatistics: Equatable, Sendable {
  /// Bytes that the socket took.
  package var bytes = 0

  /// Calls of `sendmsg` that took some.
  package var sends = 0

  /// Notices of complete sends, and how many sends they were about.
  package var notices = 0
  package var completions = 0

  /// Sends whose payload the kernel copied after all.
  package var copied = 0

  /// Waits because too many sends were outstanding (`ENOBUFS`).
  package var backoffs = 0

  package init() {}
}
