// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

extension IPAddress {
  /// The address of a host with a name, the first one of several. The system's resolver limits how
  /// long that takes (`resolv.conf`, `timeout` and `attempts`). The corresponding C function is
  /// `getaddrinfo`.
  ///
  /// - Parameter family: Which protocol the address must be of; either if `nil`.
  /// - Throws: Why there is no such address.
  package init(lookingUp name: String, of family: Family?) throws(Failure) {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family =
      switch family {
      case .v4: AF_INET
      case .v6: AF_INET6
      case nil: AF_UNSPEC
      }
    unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let error = unsafe getaddrinfo(name, nil, &hints, &list)
    guard error == 0, let first = unsafe list else {
      let (operation, errno) = ("look up", Errno.last)
      if error == EAI_SYSTEM { throw Failure(operation, on: name, errno: errno) }
      throw Failure(
        operation, on: name, reason: unsafe String(cString: gai_strerror(error)),
        hint: "an address does as well")
    }
    defer { unsafe freeaddrinfo(first) }
    guard let address = unsafe IPAddress(first.pointee.ai_addr) else {
      throw Failure("look up", on: name, reason: "its address is neither IPv4 nor IPv6")
    }
    self = address
  }

  /// The address in a socket's address; `nil` if that is of another protocol.
  private init?(_ address: UnsafePointer<sockaddr>?) {
    guard let address = unsafe address else { return nil }
    switch unsafe CInt(address.pointee.sa_family) {
    case AF_INET:
      self = unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        unsafe withUnsafeBytes(of: $0.pointee.sin_addr) { unsafe IPAddress(octets: Array($0)) }
      }
    case AF_INET6:
      self = unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
        let scope = unsafe $0.pointee.sin6_scope_id
        return unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) {
          unsafe IPAddress(octets: Array($0), scope: scope == 0 ? nil : String(scope))
        }
      }
    default: return nil
    }
  }
}
