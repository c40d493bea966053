// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// The files in which the kernel tells of itself, or those below a directory that a test has made.
package struct SystemFiles: Sendable {
  private let root: String

  package init(below root: String = "") { self.root = root }

  /// What a file says; nil where it cannot be read.
  func text(_ path: String) -> String? { try? SystemFile.text(at: root + path) }

  /// The number that a file says; nil where there is none.
  func number(_ path: String) -> Int? { SystemFile.number(at: root + path) }

  /// The decimal numbers that a file says, one behind the other; none where it cannot be read.
  func numbers(_ path: String) -> [Int] {
    (text(path) ?? "").split { $0 == " " || $0 == "\t" }.compactMap { Int($0) }
  }

  /// The value of a field, which a file such as `/proc/self/status` tells as `NAME: VALUE`.
  func field(_ name: String, of path: String) -> String? {
    for line in (text(path) ?? "").split(separator: "\n") where line.hasPrefix(name + ":") {
      return String(line.dropFirst(name.count + 1).drop { $0 == " " || $0 == "\t" })
    }
    return nil
  }

  /// The names in a directory, sorted; none where it cannot be read.
  func names(in path: String) -> [String] { SystemFile.names(in: root + path) }

  /// What a symbolic link says; nil where there is none, or it cannot be read.
  func link(_ path: String) -> String? { try? SystemFile.link(at: root + path) }
}
