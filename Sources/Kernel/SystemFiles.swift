// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// The small files in which the kernel describes itself, in sysfs and procfs; or those below a
/// directory that a test has made.
package struct SystemFiles: Sendable {
  private let root: String

  /// - Parameter root: A prefix for every path; empty for the host's own files.
  package init(below root: String = "") { self.root = root }

  /// The contents of a file, without the last newline.
  ///
  /// - Throws: What `open` or `read` fails with.
  package func contents(of path: String) throws(Errno) -> String {
    let file = try OwnedDescriptor(opening: root + path)
    var text: [UInt8] = []
    var page = [UInt8](repeating: 0, count: 4096)
    while true {
      var span = page.mutableSpan
      var bytes = unsafe span.mutableBytes
      let count = try file.borrowed.read(into: &bytes)
      guard count > 0 else { break }
      text += page.prefix(count)
    }
    if text.last == UInt8(ascii: "\n") { text.removeLast() }
    return String(decoding: text, as: UTF8.self)
  }

  /// The contents of a file, without the last newline; `nil` where it cannot be read.
  package func text(_ path: String) -> String? { try? contents(of: path) }

  /// The first line of a file; `nil` where there is none.
  package func line(_ path: String) -> String? {
    text(path)?.split(separator: "\n").first.map(String.init)
  }

  /// The number in a file, decimal or behind `0x` hexadecimal; `nil` where there is none.
  package func number(_ path: String) -> Int? {
    guard let text = text(path) else { return nil }
    return text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
  }

  /// The decimal numbers in a file, in order; none where it cannot be read.
  package func numbers(_ path: String) -> [Int] {
    (text(path) ?? "").split { $0 == " " || $0 == "\t" }.compactMap { Int($0) }
  }

  /// The value of a field in a file of lines `NAME: VALUE`, such as `/proc/self/status`; `nil`
  /// where there is none.
  package func field(_ name: String, of path: String) -> String? {
    for line in (text(path) ?? "").split(separator: "\n") where line.hasPrefix(name) {
      let rest = line.dropFirst(name.count).drop { $0 == " " || $0 == "\t" }
      guard rest.first == ":" else { continue }
      return String(rest.dropFirst().drop { $0 == " " || $0 == "\t" })
    }
    return nil
  }

  /// The target of a symbolic link; `nil` where there is none, or it cannot be read. The
  /// corresponding C function is `readlink`.
  package func link(_ path: String) -> String? {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe readlink(
        root + path, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// The path of a file or directory with every link resolved; `nil` where there is none. The
  /// corresponding C function is `realpath`.
  package func resolved(_ path: String) -> String? {
    guard let text = unsafe realpath(root + path, nil) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(String(cString: text).dropFirst(root.utf8.count))
  }

  /// Why this process may not open a file for reading and for writing, checked without opening it;
  /// `nil` where it may. The corresponding C function is `access`.
  package func refusalOfReadingAndWriting(_ path: String) -> Errno? {
    unsafe access(root + path, R_OK | W_OK) == 0 ? nil : .last
  }

  /// How much memory processes can get without driving others out, in bytes; `nil` where the kernel
  /// does not say (`Documentation/filesystems/proc.rst`, `MemAvailable` and `SwapFree`).
  package var availableMemory: Int? {
    func bytes(_ name: String) -> Int? {
      field(name, of: "/proc/meminfo")?.split(separator: " ").first.flatMap { Int($0) }
        .map { $0 << 10 }
    }
    return bytes("MemAvailable").map { $0 + (bytes("SwapFree") ?? 0) }
  }

  /// The names in a directory, sorted; none where it cannot be read.
  package func names(in path: String) -> [String] {
    guard let directory = try? OwnedDescriptor(opening: root + path, .directory) else { return [] }
    return (try? directory.names()) ?? []
  }
}

extension OwnedDescriptor {
  /// The names in this directory, sorted, without `.` and `..`. The corresponding C functions are
  /// `fdopendir` and `readdir`.
  ///
  /// - Throws: What opening the directory afresh, or reading it, fails with.
  package func names() throws(Errno) -> [String] {
    // A stream takes its descriptor over, and this one keeps its own place.
    let copy = try retrying { unsafe openat(rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard let stream = unsafe fdopendir(copy) else {
      close(copy)
      throw .last
    }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while true {
      // At the end it stays so.
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        guard errno == 0 else { throw .last }
        return names.sorted()
      }
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }
}
