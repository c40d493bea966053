// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Preflight

/// A directory with files in it, removed with its owner.
struct TemporaryFiles: ~Copyable {
  let root: String
  private var paths: [String] = []

  init() {
    var template = Array("/tmp/ncdevmem-test-XXXXXX".utf8CString)
    root = unsafe template.withUnsafeMutableBufferPointer {
      unsafe String(cString: mkdtemp($0.baseAddress!))
    }
  }

  deinit {
    for path in paths.reversed() { unsafe _ = remove(path) }
    unsafe _ = rmdir(root)
  }

  /// Makes a file that says something, and the directories above it.
  mutating func add(_ path: String, _ text: String) {
    makeDirectories(above: path)
    let descriptor = unsafe open(root + path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let bytes = Array(text.utf8)
    unsafe bytes.withUnsafeBytes { unsafe _ = write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    paths.append(root + path)
  }

  /// Makes a symbolic link, which need not lead anywhere.
  mutating func add(_ path: String, linkTo target: String) {
    makeDirectories(above: path)
    unsafe _ = symlink(target, root + path)
    paths.append(root + path)
  }

  var files: SystemFiles { SystemFiles(below: root) }

  private mutating func makeDirectories(above path: String) {
    var directory = root
    for name in path.split(separator: "/").dropLast() {
      directory += "/" + name
      if unsafe mkdir(directory, 0o700) == 0 { paths.append(directory) }
    }
  }
}
