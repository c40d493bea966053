// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// A host, as people name it.
enum Host: Equatable, Sendable {
  case address(IPAddress)
  case name(String)

  /// The longest name, in bytes (RFC 1123, section 2.1).
  private static let nameLimit = 255

  /// Reads an address, or what may be a name: letters, digits, dots, hyphens and underscores, a
  /// letter among them. Anything else that is not an address is a mistake, and not looked for.
  init(word: String) throws(InvalidValue) {
    if let address = IPAddress(word) {
      self = .address(address)
      return
    }
    let isName = word.utf8.allSatisfy { byte in
      let character = Character(Unicode.Scalar(byte))
      return character.isASCII
        && (character.isLetter || character.isNumber || "-._".contains(character))
    }
    guard isName, word.utf8.count <= Self.nameLimit, word.contains(where: \.isLetter) else {
      throw InvalidValue(reason: "neither an IPv4 or IPv6 address nor a host's name")
    }
    self = .name(word)
  }

  /// Which protocol its address belongs to; `nil` of a name.
  var family: IPAddress.Family? {
    if case .address(let address) = self { address.family } else { nil }
  }

  /// Its address.
  ///
  /// - Parameter family: Which protocol an address is looked for of, if that matters.
  func address(
    _ family: IPAddress.Family?, _ lookUp: Configuration.Lookup
  ) throws(Failure) -> IPAddress {
    switch self {
    case .address(let address): address
    case .name(let name): try lookUp(name, family)
    }
  }
}
