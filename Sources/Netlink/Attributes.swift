// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// The attributes of a message or of a nest, copied out of what the kernel sent and checked: none
/// reaches beyond its bytes.
package struct Attributes: Sendable {
  /// One attribute: its type, without the `NLA_F_` flags, and its payload.
  package struct Element: Sendable {
    /// The attribute's number in its family or nest.
    package let type: UInt16
    /// What follows the `nlattr`, without the padding.
    package let payload: ArraySlice<UInt8>
  }

  /// All of them, in the order sent.
  package let elements: [Element]

  /// Splits bytes into attributes. The corresponding C functions are `mnl_attr_ok` and
  /// `mnl_attr_next`.
  ///
  /// - Throws: `EBADMSG` where an attribute is cut off or its length goes beyond the rest.
  package init(_ bytes: ArraySlice<UInt8>) throws(Errno) {
    var elements: [Element] = []
    var rest = bytes
    while !rest.isEmpty {
      let header = try rest.first(as: nlattr.self)
      let length = Int(header.nla_len)
      guard (MemoryLayout<nlattr>.size...rest.count).contains(length) else { throw .badMessage }
      let payload = rest.prefix(length).dropFirst(MemoryLayout<nlattr>.size)
      elements.append(Element(type: Self.number(of: header.nla_type), payload: payload))
      rest = rest.dropFirst(aligned(length))
    }
    self.elements = elements
  }

  /// An attribute's type without its flags. The corresponding C constant is `NLA_TYPE_MASK`.
  static func number(of type: UInt16) -> UInt16 {
    type & ~UInt16(NLA_F_NESTED | NLA_F_NET_BYTEORDER)
  }

  /// The payload of the first attribute of a type; `nil` where there is none.
  package func bytes(_ type: UInt16) -> ArraySlice<UInt8>? {
    elements.first { $0.type == type }?.payload
  }

  /// An integer in the host's byte order; `nil` where the attribute is absent.
  ///
  /// - Throws: `EBADMSG` where it is not as wide as the type asked for.
  package func integer<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: UInt16, as: Value.Type = Value.self
  ) throws(Errno) -> Value? {
    guard let bytes = bytes(type) else { return nil }
    return try Value(wire: bytes)
  }

  /// An integer without which the message makes no sense.
  ///
  /// - Throws: `EBADMSG` where it is absent or of another width.
  package func required<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: UInt16, as: Value.Type = Value.self
  ) throws(Errno) -> Value {
    guard let value = try integer(type, as: Value.self) else { throw .badMessage }
    return value
  }

  /// An integer of the kernel's `NLA_UINT`, sent in 4 bytes or, where they don't suffice, in 8;
  /// `nil` where the attribute is absent.
  ///
  /// - Throws: `EBADMSG` where it has another width.
  package func uint(_ type: UInt16) throws(Errno) -> UInt64? {
    guard let bytes = bytes(type) else { return nil }
    return bytes.count == 4 ? UInt64(try UInt32(wire: bytes)) : try UInt64(wire: bytes)
  }

  /// A string, up to its terminating zero if it has one; `nil` where the attribute is absent.
  package func string(_ type: UInt16) -> String? {
    bytes(type).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The attributes in the first nest of a type; `nil` where there is none.
  ///
  /// - Throws: `EBADMSG` where they are malformed.
  package func nest(_ type: UInt16) throws(Errno) -> Attributes? {
    guard let bytes = bytes(type) else { return nil }
    return try Attributes(bytes)
  }
}

extension FixedWidthInteger where Self: BitwiseCopyable {
  /// Reads an integer in the host's byte order.
  ///
  /// - Throws: `EBADMSG` unless the bytes are exactly as many as the integer has.
  package init(wire bytes: ArraySlice<UInt8>) throws(Errno) {
    guard bytes.count == MemoryLayout<Self>.size else { throw .badMessage }
    self = try bytes.first(as: Self.self)
  }
}

extension ArraySlice<UInt8> {
  /// The C structure or the integer that the bytes begin with.
  ///
  /// - Throws: `EBADMSG` where it is cut off.
  func first<Structure: BitwiseCopyable>(as: Structure.Type) throws(Errno) -> Structure {
    guard let structure = value(as: Structure.self) else { throw .badMessage }
    return structure
  }
}

/// A length with the padding behind it. The corresponding C macros are `NLMSG_ALIGN` and
/// `NLA_ALIGN`.
func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
