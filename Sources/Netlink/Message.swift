// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import CMnl
internal import Kernel

/// One message of a datagram from the kernel.
struct Message {
  let type: UInt16
  let flags: CInt
  let sequence: UInt32
  /// What follows the `nlmsghdr`.
  let payload: ArraySlice<UInt8>

  /// Splits a datagram into its messages. The corresponding C functions are `mnl_nlmsg_ok` and
  /// `mnl_nlmsg_next`.
  ///
  /// - Throws: `EBADMSG` where a message is cut off or says that it is longer than the rest.
  static func split(_ datagram: [UInt8]) throws(Errno) -> [Message] {
    var messages: [Message] = []
    var rest = datagram[...]
    while !rest.isEmpty {
      let header = unsafe rest.withUnsafeBytes { bytes -> nlmsghdr? in
        guard let first = unsafe bytes.baseAddress?.assumingMemoryBound(to: nlmsghdr.self),
          unsafe mnl_nlmsg_ok(first, CInt(clamping: bytes.count))
        else { return nil }
        return unsafe first.pointee
      }
      guard let header else { throw .badMessage }
      let length = Int(header.nlmsg_len)
      messages.append(
        Message(
          type: header.nlmsg_type, flags: CInt(header.nlmsg_flags), sequence: header.nlmsg_seq,
          payload: rest.prefix(length).dropFirst(MemoryLayout<nlmsghdr>.size)))
      rest = rest.dropFirst((length + 3) & ~3)
    }
    return messages
  }

  /// The attributes behind the family's own header, such as a `genlmsghdr`.
  func attributes(behind headerSize: Int) throws(Errno) -> Attributes {
    guard payload.count >= headerSize else { throw .badMessage }
    return try Attributes(payload.dropFirst(headerSize))
  }

  /// What the kernel says in an `NLMSG_ERROR` or `NLMSG_DONE` about the request: nil if all is
  /// well.
  func refusal(of request: [UInt8]) throws(Errno) -> Refusal? {
    let errno = try CInt(wire: payload.prefix(MemoryLayout<CInt>.size))
    guard errno < 0 else { return nil }
    guard flags & NLM_F_ACK_TLVS != 0 else { return Refusal(errno: Errno(-errno)) }
    // The request itself, but for its header, is not repeated: NETLINK_CAP_ACK.
    let isDone = type == UInt16(NLMSG_DONE)
    let fixed = isDone ? MemoryLayout<CInt>.size : MemoryLayout<nlmsgerr>.size
    let details = try Attributes(payload.dropFirst(fixed))
    return Refusal(errno: Errno(-errno), reason: try details.reason(for: request))
  }
}

/// The kernel's no to a request.
struct Refusal {
  let errno: Errno
  /// The extended acknowledgement in words.
  var reason: String?
}

extension Attributes {
  /// An extended acknowledgement as a line: the kernel's text, and the attribute that it is about.
  /// The corresponding C enumeration is `nlmsgerr_attrs`.
  fileprivate func reason(for request: [UInt8]) throws(Errno) -> String? {
    let text = string(UInt16(NLMSGERR_ATTR_MSG.rawValue))
    var about: String?
    if let type = try integer(UInt16(NLMSGERR_ATTR_MISS_TYPE.rawValue), as: UInt32.self) {
      about = "attribute \(type) is missing"
    } else if let offset = try integer(UInt16(NLMSGERR_ATTR_OFFS.rawValue), as: UInt32.self) {
      // The attribute's header lies at the offset: its length, then its type.
      let bytes = request.dropFirst(Int(offset) + 2).prefix(2)
      let type = try UInt16(wire: bytes) & ~UInt16(NLA_F_NESTED | NLA_F_NET_BYTEORDER)
      about = "attribute \(type) at byte \(offset)"
    }
    guard let text else { return about }
    return about.map { "\(text) (\($0))" } ?? text
  }
}
