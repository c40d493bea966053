// SPDX-License-Identifier: GPL-2.0-only

/// Netlink's layout, written a second time and without libmnl, so that tests hold one against the
/// other. Each function returns the bytes of one attribute, padded to 4.
package enum NetlinkBytes {
  /// The port id of a scripted socket, and of the messages to it.
  package static let port: UInt32 = 0x8001_2345

  /// An attribute of bytes.
  package static func attribute(_ type: Int, _ payload: [UInt8]) -> [UInt8] {
    let length = payload.count + 4
    let padding = [UInt8](repeating: 0, count: -length & 3)
    return bytes(UInt16(length)) + bytes(UInt16(type)) + payload + padding
  }

  /// An attribute of an integer, as wide as its type.
  package static func attribute(_ type: Int, _ value: some FixedWidthInteger) -> [UInt8] {
    attribute(type, bytes(value))
  }

  /// An attribute of a string and its terminating zero.
  package static func attribute(_ type: Int, _ value: String) -> [UInt8] {
    attribute(type, Array(value.utf8) + [0])
  }

  /// A nest, marked as one.
  package static func nest(_ type: Int, _ attributes: [UInt8]...) -> [UInt8] {
    attribute(type | 0x8000, attributes.flatMap(\.self))
  }

  /// A message: `nlmsghdr` and payload, padded to 4.
  package static func message(
    type: Int, flags: Int, sequence: UInt32, port: UInt32 = Self.port, _ payload: [UInt8]
  ) -> [UInt8] {
    let padding = [UInt8](repeating: 0, count: -payload.count & 3)
    return bytes(UInt32(16 + payload.count)) + bytes(UInt16(type)) + bytes(UInt16(flags))
      + bytes(sequence) + bytes(port) + payload + padding
  }

  /// An integer in the host's byte order.
  package static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
  }
}
