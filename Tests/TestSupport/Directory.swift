// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// A directory for files of a test, which goes away with its owner.
package final class Directory: Sendable {
  /// Where it is.
  package let path: String

  /// Makes an empty one.
  package init() throws(Errno) {
    var name = Array("/tmp/ncdevmem-test-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&name) != nil else { throw Errno.last }
    path = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    unsafe chmod(path, 0o700)
    Self.delete(path)
  }

  private static func delete(_ path: String) {
    let isLink = SystemFiles().link(path) != nil
    for name in isLink ? [] : SystemFiles().names(in: path) { delete(path + "/" + name) }
    unsafe _ = remove(path)
  }

  /// The files in it, in the place of the host's own.
  package var files: SystemFiles { SystemFiles(below: path) }

  /// Writes a file that only its owner may read, and makes the directories above it.
  package func write(_ text: String, to name: String) throws(Errno) {
    try makeDirectories(above: name)
    let file = OwnedDescriptor(
      owning: try retrying { unsafe open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o600) })
    _ = try file.borrowed.write(text.utf8)
    change(name, mode: 0o600)
  }

  /// Makes a symbolic link, which need not lead anywhere, and the directories above it.
  package func link(_ name: String, to target: String) throws(Errno) {
    try makeDirectories(above: name)
    try retrying { unsafe symlink(target, path + "/" + name) }
  }

  /// What a file has in it, its last line's end included; `nil` where there is none.
  package func read(_ name: String) -> String? {
    guard let file = try? OwnedDescriptor(opening: path + "/" + name) else { return nil }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      var span = piece.mutableSpan
      var bytes = unsafe span.mutableBytes
      guard let count = try? file.borrowed.read(into: &bytes), count > 0 else { break }
      text += piece.prefix(count)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Changes a file's permissions; those of the directory itself with an empty name.
  package func change(_ name: String, mode: UInt32) { unsafe chmod(path + "/" + name, mode) }

  /// A file's permissions.
  package func mode(_ name: String) -> UInt32 {
    var status = stat()
    unsafe stat(path + "/" + name, &status)
    return status.st_mode & 0o777
  }

  private func makeDirectories(above name: String) throws(Errno) {
    let parts = name.split(separator: "/")
    for end in 1..<max(1, parts.count) {
      let directory = path + "/" + parts[..<end].joined(separator: "/")
      guard unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw Errno.last }
    }
  }
}
