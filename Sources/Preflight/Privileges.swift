// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel

/// What this process may do to the network, and where.
package struct Privileges: Equatable, Sendable {
  /// A user namespace.
  package enum Namespace: Equatable, Sendable {
    /// The one that the kernel starts with.
    case initial
    /// One made later, by its inode number.
    case other(UInt64)

    /// - Parameter inode: The initial one's is fixed (`include/linux/proc_ns.h`,
    ///   `PROC_USER_INIT_INO`).
    package init(inode: UInt64) { self = inode == 0xefff_fffd ? .initial : .other(inode) }
  }

  /// Whether `CAP_NET_ADMIN` is effective: in the process's own user namespace and those below it.
  package let administersNetwork: Bool
  /// The process's own user namespace; `nil` where that cannot be read.
  package let own: Namespace?
  /// The one that owns its network namespace; `nil` where that is neither the process's own nor
  /// below it: the kernel does not report it then.
  package let owner: Namespace?

  /// Privileges that a test makes up.
  package init(administersNetwork: Bool, own: Namespace?, owner: Namespace?) {
    self.administersNetwork = administersNetwork
    self.own = own
    self.owner = owner
  }

  /// Those of this process. The corresponding C function is `ioctl` with `NS_GET_USERNS`.
  package init() {
    administersNetwork =
      (try? Capabilities.current())?.effective.contains(.netAdmin) ?? false
    own = Self.own()
    owner = Self.owner()
  }

  private static func own() -> Namespace? {
    guard let own = try? OwnedDescriptor(opening: "/proc/self/ns/user") else { return nil }
    return namespace(own)
  }

  /// The user namespace that owns this process's network namespace, where the kernel reports it.
  private static func owner() -> Namespace? {
    guard let network = try? OwnedDescriptor(opening: "/proc/self/ns/net"),
      let owner = try? retrying({ CLinux_ioctl(network.rawValue, CLinux_NS_GET_USERNS, nil) })
    else { return nil }
    return namespace(OwnedDescriptor(owning: owner))
  }

  /// The user namespace that a descriptor stands for.
  private static func namespace(_ descriptor: borrowing OwnedDescriptor) -> Namespace? {
    (try? descriptor.borrowed.status()).map { Namespace(inode: $0.inode) }
  }
}

extension Privileges.Namespace: CustomStringConvertible {
  /// The namespace, as a finding names it.
  package var description: String {
    switch self {
    case .initial: "the initial user namespace"
    case .other(let inode): "user namespace \(inode)"
    }
  }
}
