// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel

/// What this process may do to the network, and where.
package struct Privileges: Equatable, Sendable {
  /// A user namespace.
  package enum Namespace: Equatable, Sendable {
    case initial
    /// One made later, told by its inode number.
    case other(UInt64)

    /// - Parameter inode: The initial one's is fixed (`include/linux/proc_ns.h`,
    ///   `PROC_USER_INIT_INO`).
    package init(inode: UInt64) { self = inode == 0xefff_fffd ? .initial : .other(inode) }
  }

  /// Whether `CAP_NET_ADMIN` is effective: in the process's own user namespace and those below it.
  package let administersNetwork: Bool
  /// The process's own user namespace; nil where that cannot be read.
  package let own: Namespace?
  /// The one that owns its network namespace; nil where that is neither the process's own nor below
  /// it, for the kernel does not tell then.
  package let owner: Namespace?

  package init(administersNetwork: Bool, own: Namespace?, owner: Namespace?) {
    self.administersNetwork = administersNetwork
    self.own = own
    self.owner = owner
  }

  /// Those of this process. The corresponding C function is `ioctl` with `NS_GET_USERNS`.
  package init() {
    let effective = SystemFiles().field("CapEff", of: "/proc/self/status")
    let capabilities = effective.flatMap { UInt64($0, radix: 16) } ?? 0
    administersNetwork = capabilities & 1 << UInt64(CAP_NET_ADMIN) != 0
    own = Self.namespace(unsafe open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC))
    let network = unsafe open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)
    guard network >= 0 else {
      owner = nil
      return
    }
    let descriptor = OwnedDescriptor(owning: network)
    owner = Self.namespace(CLinux_ioctl(descriptor.rawValue, CLinux_NS_GET_USERNS, nil))
  }

  /// The user namespace that a descriptor stands for; nil if that is -1.
  private static func namespace(_ raw: CInt) -> Namespace? {
    guard raw >= 0 else { return nil }
    let descriptor = OwnedDescriptor(owning: raw)
    var status = stat()
    guard unsafe fstat(descriptor.rawValue, &status) == 0 else { return nil }
    return Namespace(inode: UInt64(status.st_ino))
  }
}

extension Privileges.Namespace: CustomStringConvertible {
  package var description: String {
    switch self {
    case .initial: "the initial user namespace"
    case .other(let inode): "user namespace \(inode)"
    }
  }
}
