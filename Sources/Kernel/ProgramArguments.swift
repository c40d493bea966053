// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// The words behind the program's name on its command line. Swift's own (`CommandLine.arguments`) are
/// read from `/proc/self/cmdline`, and are none where `/proc` is not mounted.
package enum ProgramArguments {
  /// The name that the program was called by, without the directories of its path.
  package static var name: String {
    guard CLinux_argument_count() > 0 else { return "" }
    let path = unsafe String(cString: CLinux_argument(0))
    return path.split(separator: "/").last.map(String.init) ?? ""
  }

  /// In order; what is not UTF-8 in them is replaced.
  package static var words: [String] {
    (0..<CLinux_argument_count()).dropFirst().map { unsafe String(cString: CLinux_argument($0)) }
  }
}
