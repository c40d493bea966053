// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// The small files by which the kernel tells about itself, in sysfs and procfs.
package enum SystemFile {
  /// What a file says, without the end of its last line.
  package static func text(at path: String) throws(Errno) -> String {
    let file = OwnedDescriptor(owning: try retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) })
    var text: [UInt8] = []
    var page = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = try retrying {
        unsafe page.withUnsafeMutableBytes { unsafe read(file.rawValue, $0.baseAddress, $0.count) }
      }
      guard count > 0 else { break }
      text += page.prefix(count)
    }
    if text.last == UInt8(ascii: "\n") { text.removeLast() }
    return String(decoding: text, as: UTF8.self)
  }

  /// The number that a file says, decimal or behind `0x` hexadecimal; `nil` where there is none.
  package static func number(at path: String) -> Int? {
    guard let text = try? text(at: path) else { return nil }
    return text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
  }

  /// What a symbolic link says. The corresponding C function is `readlink`.
  package static func link(at path: String) throws(Errno) -> String {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = try retrying {
      unsafe bytes.withUnsafeMutableBytes { bytes in
        unsafe readlink(
          path, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
      }
    }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// The names of what a directory holds, sorted; none where there is no such directory.
  package static func names(in path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe _ = closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
