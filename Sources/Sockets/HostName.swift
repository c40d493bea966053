// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

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
    var storage = sockaddr_storage()
    unsafe memcpy(&storage, first.pointee.ai_addr, Int(first.pointee.ai_addrlen))
    guard let address = SocketAddress(storage)?.address else {
      throw Failure("look up", on: name, reason: "its address is neither IPv4 nor IPv6")
    }
    self = address
  }
}
