// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// Where and when interfaces have the indexes that they have.
package struct Host: Equatable, Sendable {
  /// The kernel's name for the time since it was started.
  package var boot: String
  /// The network namespace's inode.
  package var namespace: UInt64

  package init(boot: String, namespace: UInt64) {
    self.boot = boot
    self.namespace = namespace
  }

  /// This boot, and the network namespace of this process.
  package static func current() throws(Failure) -> Host {
    let bootPath = "/proc/sys/kernel/random/boot_id"
    let boot = try attempt("read", on: bootPath) { () throws(Errno) in
      try SystemFile.text(at: bootPath)
    }
    let namespacePath = "/proc/self/ns/net"
    let namespace = try attempt("look at", on: namespacePath) { () throws(Errno) in
      var status = stat()
      try retrying { unsafe stat(namespacePath, &status) }
      return UInt64(status.st_ino)
    }
    return Host(boot: boot, namespace: namespace)
  }
}
