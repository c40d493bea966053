// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// How long a receiver puts up with silence. Once, after half a minute of it or at its end, something
/// looks into it: the kernel does not report to a socket why nothing comes any more.
package struct Silence {
  /// How long to be silent is no reason to look.
  package static let patience = Duration.seconds(30)

  /// How long it may last; `nil` for no limit.
  package let timeout: Duration?
  private var look: (() -> Void)?
  private var passed = Duration.zero

  /// - Parameters:
  ///   - timeout: How long it may last; `nil` for no limit.
  ///   - look: Looks into it, and prints what it finds.
  package init(upTo timeout: Duration?, lookingInto look: (() -> Void)? = nil) {
    self.timeout = timeout
    self.look = look
  }

  /// How long to wait before `pass`; `nil` for no limit.
  package var limit: Duration? {
    let left = timeout.map { $0 - passed }
    guard look != nil else { return left }
    return left.map { min($0, Self.patience) } ?? Self.patience
  }

  /// Notes that nothing came within `limit`.
  ///
  /// - Returns: Whether the silence may go on.
  package mutating func pass() -> Bool {
    passed += limit ?? .zero
    look?()
    look = nil
    return timeout.map { passed < $0 } ?? true
  }

  /// Notes that something came.
  package mutating func end() { passed = .zero }
}
