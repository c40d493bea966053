// SPDX-License-Identifier: GPL-2.0-only

/// What people read, on the standard error.
package enum Diagnostics {
  /// Prints a failure, with the program's name in front.
  package static func print(_ failure: Failure) { print("ncdevmem: \(failure)") }

  /// Prints one line. A failure to write is ignored: it cannot be reported anywhere.
  package static func print(_ line: String) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      guard let count = try? Descriptor.standardError.write(rest), count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
