// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What carries netlink datagrams to the kernel and back: a socket, or a test's script.
package protocol NetlinkTransport: ~Copyable {
  /// The port id that the kernel puts into its answers (`nlmsg_pid`).
  var port: UInt32 { get }

  /// Hands one request to the kernel.
  mutating func send(_ datagram: [UInt8]) throws(Errno)

  /// The next datagram from the kernel: one or more whole messages.
  ///
  /// - Throws: `ETIMEDOUT` once the deadline has passed without one.
  mutating func receive(until deadline: Instant) throws(Errno) -> [UInt8]
}
