// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// A terminal that can do more than print lines.
package struct Terminal: Sendable {
  /// A colour of text (ECMA-48: SGR).
  package enum Colour: Int, Sendable {
    case red = 31
    case green = 32
    case yellow = 33
  }

  /// Goes to the line's start and clears it (ECMA-48: CR, EL).
  static let erasure = "\r\u{1b}[K"

  private let descriptor: Descriptor
  private let hasColours: Bool

  /// The terminal that a descriptor refers to; `nil` where that is none, or one that can only print
  /// lines (`TERM` unset or `dumb`).
  package init?(of descriptor: Descriptor) {
    guard descriptor.isTerminal, !["", "dumb"].contains(Self.variable("TERM")) else { return nil }
    self.descriptor = descriptor
    hasColours = Self.variable("NO_COLOR").isEmpty
  }

  /// The value of a variable of the environment; empty where it is not set.
  private static func variable(_ name: String) -> String {
    unsafe getenv(name).map { unsafe String(cString: $0) } ?? ""
  }

  /// Whether the process may write there unasked: it is not in the background of a shell. The
  /// corresponding C functions are `tcgetpgrp` and `getpgrp`.
  var isForeground: Bool {
    let group = tcgetpgrp(descriptor.rawValue)
    // A terminal that does not control this process has no background.
    return group < 0 || group == getpgrp()
  }

  /// The text in a colour; without one where the user wants none (`NO_COLOR` set, and not empty).
  package func coloured(_ text: String, _ colour: Colour?) -> String {
    guard hasColours, let colour else { return text }
    return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[m"
  }

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
