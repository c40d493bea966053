// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// A directory for files of a test, which goes away with its owner.
package final class Directory: Sendable {
  package let path: String

  package init() throws(Errno) {
    var name = Array("/tmp/ncdevmem-test-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&name) != nil else { throw Errno.last }
    path = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { Self.delete(path) }

  private static func delete(_ path: String) {
    for name in SystemFile.names(in: path) { delete(path + "/" + name) }
    unsafe _ = remove(path)
  }

  /// Writes a file, and makes the directories above it.
  package func write(_ text: String, to name: String) throws(Errno) {
    let parts = name.split(separator: "/")
    for end in 1..<parts.count {
      let directory = path + "/" + parts[..<end].joined(separator: "/")
      guard unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw Errno.last }
    }
    let file = OwnedDescriptor(
      owning: try retrying { unsafe open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o644) })
    let bytes = Array(text.utf8)
    try retrying {
      unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
    }
  }
}
