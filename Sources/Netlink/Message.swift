// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// One message of a datagram from the kernel.
struct Message {
  /// The family's number, or one of netlink's own such as `NLMSG_DONE` (`nlmsg_type`).
  let type: UInt16
  /// The corresponding C constants begin with `NLM_F_` (`nlmsg_flags`).
  let flags: CInt
  /// The number of the request that it answers (`nlmsg_seq`).
  let sequence: UInt32
  /// The port id of the socket that sent the request (`nlmsg_pid`).
  let port: UInt32
  /// What follows the `nlmsghdr`.
  let payload: ArraySlice<UInt8>

  /// Splits a datagram into its messages. The corresponding C functions are `mnl_nlmsg_ok` and
  /// `mnl_nlmsg_next`.
  ///
  /// - Throws: `EBADMSG` where a message is cut off or its length goes beyond the rest.
  static func split(_ datagram: [UInt8]) throws(Errno) -> [Message] {
    var messages: [Message] = []
    var rest = datagram[...]
    while !rest.isEmpty {
      let header = try rest.first(as: nlmsghdr.self)
      let length = Int(header.nlmsg_len)
      guard (MemoryLayout<nlmsghdr>.size...rest.count).contains(length) else { throw .badMessage }
      messages.append(
        Message(
          type: header.nlmsg_type, flags: CInt(header.nlmsg_flags), sequence: header.nlmsg_seq,
          port: header.nlmsg_pid,
          payload: rest.prefix(length).dropFirst(MemoryLayout<nlmsghdr>.size)))
      rest = rest.dropFirst(aligned(length))
    }
    return messages
  }

  /// The attributes behind the family's own header, such as a `genlmsghdr`.
  ///
  /// - Throws: `EBADMSG` where the header is cut off or the attributes are malformed.
  func attributes(behind headerSize: Int) throws(Errno) -> Attributes {
    guard payload.count >= headerSize else { throw .badMessage }
    return try Attributes(payload.dropFirst(headerSize))
  }
}
