// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What opens conversations with the kernel: sockets, or a test's script.
package protocol NetlinkAccess {
  /// Opens a conversation with the generic-netlink families.
  func generic() throws(Failure) -> GenericNetlink

  /// Opens a conversation with rtnetlink.
  func route() throws(Failure) -> RouteNetlink
}

/// Conversations with the running kernel, each over a socket of its own.
package struct KernelNetlink: NetlinkAccess {
  /// The kernel that this process runs on.
  package init() {}

  /// Opens a socket.
  package func generic() throws(Failure) -> GenericNetlink { try GenericNetlink() }

  /// Opens a socket.
  package func route() throws(Failure) -> RouteNetlink { try RouteNetlink() }
}
