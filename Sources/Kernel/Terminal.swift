// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// A terminal that can do more than print lines.
struct Terminal: Sendable {
  /// Goes to the line's start and clears it (ECMA-48: CR, EL).
  static let erasure = "\r\u{1b}[K"

  private let descriptor: Descriptor
  private let hasColours: Bool

  /// The terminal that a descriptor refers to; `nil` where that is none, or one that can only print
  /// lines (`TERM` unset or `dumb`).
  init?(of descriptor: Descriptor) {
    guard descriptor.isTerminal, !["", "dumb"].contains(environmentVariable("TERM") ?? "")
    else { return nil }
    self.descriptor = descriptor
    hasColours = (environmentVariable("NO_COLOR") ?? "").isEmpty
  }

  /// Whether the process may write there unasked: it is not in the background of a shell. The
  /// corresponding C functions are `tcgetpgrp` and `getpgrp`.
  var isForeground: Bool {
    let group = tcgetpgrp(descriptor.rawValue)
    // A terminal that does not control this process has no background.
    return group < 0 || group == getpgrp()
  }

  /// The text in red (ECMA-48: SGR); without a colour where the user wants none (`NO_COLOR` set, and
  /// not empty).
  func red(_ text: String) -> String { hasColours ? "\u{1b}[31m\(text)\u{1b}[m" : text }

  /// The text cut to what fits into one line: a longer one would go on in the next, which nothing
  /// would clear.
  func fitted(_ text: String) -> String { String(text.prefix(columns - 1)) }

  /// How many characters a line has. The corresponding C constant is `TIOCGWINSZ`.
  private var columns: Int {
    var size = winsize()
    let result = unsafe CLinux_ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size)
    return result == 0 && size.ws_col > 1 ? Int(size.ws_col) : 80
  }
}
