// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// A pseudoterminal: what is written to its terminal is read here.
package struct Pseudoterminal: ~Copyable {
  private let screen: OwnedDescriptor
  private let terminal: OwnedDescriptor

  /// Makes a terminal of so many characters a line. The corresponding C function is `openpty`.
  package init(columns: UInt16 = 80) throws(Errno) {
    let screen = try OwnedDescriptor(
      opening: "/dev/ptmx", [.readingAndWriting, .notControlling])
    let number = screen.rawValue
    var (isLocked, place) = (CInt(0), CInt(0))
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    try retrying { unsafe CLinux_ioctl(number, Self.setLock, &isLocked) }
    try retrying { unsafe CLinux_ioctl(number, Self.getNumber, &place) }
    try retrying { unsafe CLinux_ioctl(number, UInt(TIOCSWINSZ), &size) }
    terminal = try OwnedDescriptor(
      opening: "/dev/pts/\(place)", [.readingAndWriting, .notControlling])
    self.screen = screen
  }

  /// The corresponding C constants are `TIOCSPTLCK` and `TIOCGPTN`, which are macros that compute.
  private static let (setLock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)

  /// Takes what was written so far.
  package func contents() throws(Errno) -> String { try screen.textThatWaits() }

  /// Makes it the standard error of this process, with these variables of those that are about
  /// terminals.
  package func becomeStandardError(_ environment: [String: String] = ["TERM": "xterm"]) {
    dup2(terminal.rawValue, STDERR_FILENO)
    for name in ["TERM", "NO_COLOR"] { unsafe unsetenv(name) }
    for (name, value) in environment { unsafe setenv(name, value, 1) }
  }
}
