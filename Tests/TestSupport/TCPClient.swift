// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// The other end of a loopback connection.
package struct TCPClient: ~Copyable {
  private let descriptor: OwnedDescriptor

  /// Connects to a listener on this host.
  package init(to address: IPAddress, port: UInt16) throws(Errno) {
    let family = address.family == .v4 ? AF_INET : AF_INET6
    let descriptor = OwnedDescriptor(
      owning: try retrying { socket(family, CInt(SOCK_STREAM.rawValue), 0) })
    var name = [UInt8](repeating: 0, count: address.family == .v4 ? 16 : 28)
    unsafe withUnsafeBytes(of: sa_family_t(family)) { unsafe name.replaceSubrange(0..<2, with: $0) }
    name[2] = UInt8(port >> 8)
    name[3] = UInt8(port & 0xff)
    let start = address.family == .v4 ? 4 : 8
    name.replaceSubrange(start..<start + address.octets.count, with: address.octets)
    try retrying {
      unsafe name.withUnsafeBytes {
        unsafe connect(
          descriptor.rawValue, $0.assumingMemoryBound(to: sockaddr.self).baseAddress,
          socklen_t($0.count))
      }
    }
    self.descriptor = descriptor
  }

  /// Sends bytes that fit into the socket at once.
  package func write(_ bytes: [UInt8]) throws(Errno) {
    try retrying {
      unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count)
      }
    }
  }
}
