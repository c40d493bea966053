// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// What people are told, on the standard error.
package enum Diagnostics {
  /// Tells of a failure.
  package static func print(_ failure: Failure) { print("ncdevmem: \(failure)") }

  /// Writes one line. What cannot be written is lost: there is nobody to tell.
  package static func print(_ line: String) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
