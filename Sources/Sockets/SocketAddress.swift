// SPDX-License-Identifier: GPL-2.0-only

// The compiler may find `sockaddr_storage` in either module.
internal import CLinux
internal import Glibc
package import Kernel

/// An IP address with a port, as socket calls want it. The corresponding C type is
/// `struct sockaddr_storage`.
package struct SocketAddress: Sendable {
  /// The address, with its scope if it needs one.
  package let address: IPAddress
  /// In host byte order.
  package let port: UInt16
  private let scopeIndex: UInt32

  /// An address and a port.
  ///
  /// - Throws: A failure with `ENODEV` if the address names an interface that is not there.
  package init(_ address: IPAddress, port: UInt16) throws(Failure) {
    self.address = address
    self.port = port
    scopeIndex = try attempt("use the address", on: "\(address)") { () throws(Errno) in
      try address.scopeIndex()
    }
  }

  /// Reads what the kernel filled in; `nil` for what is neither IPv4 nor IPv6.
  init?(_ storage: sockaddr_storage) {
    // Both structures have the port behind the family; see sockaddr_in(3type), sockaddr_in6(3type).
    let bytes = [UInt8](of: storage)
    let port: in_port_t = bytes[2...].value()!
    switch CInt(storage.ss_family) {
    case AF_INET:
      self.init(octets: Array(bytes[4..<8]), portInNetworkOrder: port, scopeIndex: 0)
    case AF_INET6:
      self.init(
        octets: Array(bytes[8..<24]), portInNetworkOrder: port, scopeIndex: bytes[24...].value()!)
    default:
      return nil
    }
  }

  private init(octets: [UInt8], portInNetworkOrder: in_port_t, scopeIndex: UInt32) {
    address = IPAddress(octets: octets, scope: scopeIndex == 0 ? nil : String(scopeIndex))
    port = UInt16(bigEndian: portInNetworkOrder)
    self.scopeIndex = scopeIndex
  }

  /// `AF_INET` or `AF_INET6`.
  var family: CInt { address.family == .v4 ? AF_INET : AF_INET6 }

  /// Hands the address to a call that takes a `struct sockaddr`.
  func withSocketAddress<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    switch address.family {
    case .v4:
      var v4 = sockaddr_in()
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      v4.sin_addr = address.octets[...].value()!
      let length = socklen_t(MemoryLayout<sockaddr_in>.size)
      return unsafe withSockaddr(&v4) { unsafe body($0, length) }
    case .v6:
      var v6 = sockaddr_in6()
      v6.sin6_family = sa_family_t(AF_INET6)
      v6.sin6_port = port.bigEndian
      v6.sin6_scope_id = scopeIndex
      unsafe withUnsafeMutableBytes(of: &v6.sin6_addr) { unsafe $0.copyBytes(from: address.octets) }
      let length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      return unsafe withSockaddr(&v6) { unsafe body($0, length) }
    }
  }
}

extension SocketAddress {
  /// What to do about a port that was refused (`net/ipv4/af_inet.c`, `__inet_bind`); `nil` where an
  /// error has other causes.
  func portHint(after error: Errno) -> String? {
    guard error == .accessDenied else { return nil }
    return "ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE"
  }
}

extension SocketAddress: CustomStringConvertible {
  /// As people write it: `192.0.2.1:5201`, `[2001:db8::1]:5201`.
  package var description: String {
    address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
  }
}

/// Hands an address structure to a call that takes any of them.
func withSockaddr<Address, Result>(
  _ address: inout Address, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
) -> Result {
  unsafe withUnsafeMutablePointer(to: &address) {
    unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
  }
}
