// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// The words behind the program's name on its command line. Swift's own (`CommandLine.arguments`) are
/// read from `/proc/self/cmdline`, and are none where `/proc` is not mounted.
package enum ProgramArguments {
  /// In order; what is not UTF-8 in them is replaced.
  package static var words: [String] {
    (0..<CLinux_argument_count()).dropFirst().map { unsafe String(cString: CLinux_argument($0)) }
  }
}
