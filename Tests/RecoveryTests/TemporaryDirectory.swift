// SPDX-License-Identifier: GPL-2.0-only

import Glibc

/// A directory of a test's own, removed after it.
final class TemporaryDirectory {
  let path: String

  init() {
    var template = Array("/tmp/ncdevmem-XXXXXX\0".utf8CString)
    path = unsafe String(cString: mkdtemp(&template))
  }

  deinit {
    unsafe chmod(path, 0o700)
    if let stream = unsafe opendir(path) {
      while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if unsafe unlink(path + "/" + name) != 0 { unsafe rmdir(path + "/" + name) }
      }
      unsafe _ = closedir(stream)
    }
    unsafe rmdir(path)
  }

  func write(_ name: String, _ text: String) {
    let file = unsafe fopen(path + "/" + name, "w")!
    unsafe fputs(text, file)
    unsafe _ = fclose(file)
    change(name, mode: 0o600)
  }

  func read(_ name: String) -> String? {
    guard let file = unsafe fopen(path + "/" + name, "r") else { return nil }
    defer { unsafe _ = fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  func change(_ name: String, mode: mode_t) { unsafe chmod(path + "/" + name, mode) }

  func mode(_ name: String) -> mode_t {
    var status = stat()
    unsafe stat(path + "/" + name, &status)
    return status.st_mode & 0o777
  }
}
