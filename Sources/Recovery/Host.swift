// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The boot and the network namespace in which an interface's index means that interface.
package struct Host: Equatable, Sendable {
  /// The kernel's random name for the time since its start (`boot_id`).
  package var boot: String
  /// The network namespace's inode.
  package var namespace: UInt64

  /// A host, as a journal names it.
  package init(boot: String, namespace: UInt64) {
    self.boot = boot
    self.namespace = namespace
  }

  /// This boot, and the network namespace of this process.
  ///
  /// - Throws: Why procfs cannot be read.
  package static func current() throws(Failure) -> Host {
    let bootPath = "/proc/sys/kernel/random/boot_id"
    let boot = try attempt("read", on: bootPath) { () throws(Errno) in
      try SystemFiles().contents(of: bootPath)
    }
    let namespacePath = "/proc/self/ns/net"
    let namespace = try attempt("read", on: namespacePath) { () throws(Errno) in
      try FileStatus.of(namespacePath)
    }
    return Host(boot: boot, namespace: namespace.inode)
  }
}
