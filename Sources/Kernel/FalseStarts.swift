// SPDX-License-Identifier: GPL-2.0-only

/// Bounds how often a call may say that it would block (`EAGAIN`) where a wait has just said that it
/// would not. A few times that is so: another process shares the pipe, or the kernel has no memory
/// for the moment. For ever, the two would make a loop without end.
package struct FalseStarts: Sendable {
  private var count = 0

  /// None so far.
  package init() {}

  /// The call has done something.
  package mutating func end() { count = 0 }

  /// Counts a call that would block. Those behind the first ones are a millisecond apart.
  ///
  /// - Returns: Whether to wait, and to call again.
  package mutating func mayGoOn() -> Bool {
    count += 1
    if count > Self.few { pause(for: .milliseconds(1)) }
    return count < Self.limit
  }

  private static let few = 10
  private static let limit = 3000
}
