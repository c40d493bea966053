// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// An IPv4 or IPv6 address, without a port.
package struct IPAddress: Hashable, Sendable {
  /// Which of the two protocols an address belongs to.
  package enum Family: Sendable {
    /// IPv4.
    case v4
    /// IPv6.
    case v6
  }

  /// The address in network byte order: 4 octets of IPv4, 16 of IPv6.
  package let octets: [UInt8]

  /// The zone that an IPv6 address is valid in, as typed behind its `%`: an interface's name or
  /// index. Link-local addresses need one.
  package var scope: String? { didSet { knownScopeIndex = nil } }

  private var knownScopeIndex: UInt32?

  /// Takes over octets in network byte order.
  ///
  /// - Precondition: there are 4 or 16 of them.
  package init(octets: [UInt8], scope: String? = nil) {
    precondition(octets.count == 4 || octets.count == 16)
    self.octets = octets
    self.scope = scope
  }

  /// Reads an address as people write it: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`. An
  /// IPv4-mapped one (`::ffff:192.0.2.1`) is the IPv4 address that it stands for. Gives `nil` for
  /// anything else. The corresponding C function is `inet_pton`.
  package init?(_ text: String) {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    let address = String(parts[0])
    let scope = parts.count == 2 ? String(parts[1]) : nil
    if scope == nil, let octets = parse(address, AF_INET, count: 4) {
      self.init(octets: octets)
    } else if scope != "", let octets = parse(address, AF_INET6, count: 16) {
      if octets.starts(with: Self.mappedPrefix) {
        guard scope == nil else { return nil }
        self.init(octets: Array(octets.suffix(4)))
      } else {
        self.init(octets: octets, scope: scope)
      }
    } else {
      return nil
    }
  }

  package static func == (one: IPAddress, other: IPAddress) -> Bool {
    one.octets == other.octets && one.scope == other.scope
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(octets)
    hasher.combine(scope)
  }

  /// Which of the two protocols the address belongs to.
  package var family: Family { octets.count == 4 ? .v4 : .v6 }

  /// Whether this is an IPv6 address of `fe80::/10`, which means nothing without a `scope`.
  package var isLinkLocal: Bool {
    family == .v6 && octets[0] == 0xfe && octets[1] & 0xc0 == 0x80
  }

  /// The index of the interface that `scope` names, for `sin6_scope_id`; 0 without a scope. The
  /// corresponding C function is `if_nametoindex`.
  ///
  /// - Throws: `ENODEV` if there is no such interface.
  package func scopeIndex() throws(Errno) -> UInt32 {
    if let knownScopeIndex { return knownScopeIndex }
    guard let scope else { return 0 }
    if let index = UInt32(scope) { return index }
    let index = unsafe if_nametoindex(scope)
    guard index != 0 else { throw Errno.last }
    return index
  }

  /// The same address in the zone of the interface that has the name of the scope now, whatever its
  /// name is later. Where none has it, `scopeIndex` looks for one then.
  package func inPresentScope() -> IPAddress {
    var address = self
    address.knownScopeIndex = try? scopeIndex()
    return address
  }

  /// Whether two addresses are one: an IPv4-mapped address is the IPv4 address that it stands for,
  /// and zones count where both have one, by name or by index.
  package func isSame(as other: IPAddress) -> Bool {
    guard unmapped == other.unmapped else { return false }
    guard let scope, let otherScope = other.scope, scope != otherScope else { return true }
    let (index, otherIndex) = (try? scopeIndex(), try? other.scopeIndex())
    return index != nil && index == otherIndex
  }

  /// The octets, of an IPv4-mapped address those of IPv4.
  private var unmapped: ArraySlice<UInt8> {
    octets.count == 16 && octets.starts(with: Self.mappedPrefix) ? octets.suffix(4) : octets[...]
  }

  /// The first 12 octets of `::ffff:0:0/96`.
  private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xff, 0xff]
}

extension IPAddress: CustomStringConvertible {
  /// The address in its shortest form, with its scope. The corresponding C function is
  /// `inet_ntop`.
  package var description: String {
    let text = unsafe String(unsafeUninitializedCapacity: Int(INET6_ADDRSTRLEN)) { buffer in
      unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
        unsafe octets.withUnsafeBytes { octets in
          _ = unsafe inet_ntop(
            family == .v4 ? AF_INET : AF_INET6, octets.baseAddress!, characters.baseAddress!,
            socklen_t(INET6_ADDRSTRLEN))
        }
        return unsafe strlen(characters.baseAddress!)
      }
    }
    return scope.map { text + "%" + $0 } ?? text
  }
}

private func parse(_ text: String, _ family: CInt, count: Int) -> [UInt8]? {
  var octets = [UInt8](repeating: 0, count: count)
  let result = unsafe octets.withUnsafeMutableBytes {
    unsafe inet_pton(family, text, $0.baseAddress!)
  }
  return result == 1 ? octets : nil
}
