// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// The kernel's no to a request, with its extended acknowledgement.
package struct Refusal: Error, Equatable, Sendable {
  /// The attribute that the kernel objects to.
  package enum Attribute: Equatable, Sendable {
    /// The request lacks the attribute of this number (`NLMSGERR_ATTR_MISS_TYPE`).
    case missing(UInt32)
    /// The kernel does not take the attribute of this number, whose header lies at this byte of the
    /// request (`NLMSGERR_ATTR_OFFS`).
    case wrong(UInt16, atByte: UInt32)
  }

  /// The kernel's error number.
  package let errno: Errno
  /// The kernel's own words (`NLMSGERR_ATTR_MSG`); `nil` where it has none.
  package let words: String?
  /// The attribute that it is about; `nil` where the kernel names none.
  package let attribute: Attribute?

  /// Describes a refusal.
  package init(errno: Errno, words: String? = nil, attribute: Attribute? = nil) {
    self.errno = errno
    self.words = words
    self.attribute = attribute
  }

  /// The extended acknowledgement for people: the kernel's words, and the attribute that it is
  /// about; `nil` where the kernel gives neither.
  package var reason: String? {
    let about: String? =
      switch attribute {
      case .missing(let number): "attribute \(number) is missing"
      case .wrong(let number, let byte): "attribute \(number) at byte \(byte)"
      case nil: nil
      }
    guard let words else { return about }
    return about.map { "\(words) (\($0))" } ?? words
  }

  /// The refusal for people: the extended acknowledgement, or else the error number.
  package var line: String { reason ?? "\(errno.name) (\(errno.text))" }

  /// The refusal as a failure.
  ///
  /// - Parameter hint: What to do about it, unless the sender lacks a privilege.
  func failure(_ operation: String, on subject: String, hint: String?) -> Failure {
    Failure(
      operation, on: subject, errno: errno, reason: reason,
      hint: errno == .notPermitted ? GenericNetlink.privilegeHint : hint)
  }
}

extension Message {
  /// What the kernel says about the request in an `NLMSG_ERROR` or `NLMSG_DONE`: `nil` if all is
  /// well. The corresponding C enumeration is `nlmsgerr_attrs`.
  ///
  /// - Throws: `EBADMSG` where the message is malformed.
  func refusal(of request: [UInt8]) throws(Errno) -> Refusal? {
    let errno = try CInt(wire: payload.prefix(MemoryLayout<CInt>.size))
    guard errno < 0 else { return nil }
    // MAX_ERRNO (include/linux/err.h).
    guard errno >= -4095 else { throw .badMessage }
    guard flags & NLM_F_ACK_TLVS != 0 else { return Refusal(errno: Errno(-errno)) }
    // The request itself, but for its header, is not repeated: NETLINK_CAP_ACK.
    let isDone = type == UInt16(NLMSG_DONE)
    let fixed = isDone ? MemoryLayout<CInt>.size : MemoryLayout<nlmsgerr>.size
    let details = try Attributes(payload.dropFirst(fixed))
    return Refusal(
      errno: Errno(-errno), words: details.string(UInt16(NLMSGERR_ATTR_MSG.rawValue)),
      attribute: try Refusal.Attribute(details, of: request))
  }
}

extension Refusal.Attribute {
  /// Reads it from an extended acknowledgement; `nil` where the kernel names none.
  ///
  /// - Throws: `EBADMSG` where it lies outside of the request.
  fileprivate init?(_ details: Attributes, of request: [UInt8]) throws(Errno) {
    if let number = try details.integer(
      UInt16(NLMSGERR_ATTR_MISS_TYPE.rawValue), as: UInt32.self)
    {
      self = .missing(number)
    } else if let byte = try details.integer(
      UInt16(NLMSGERR_ATTR_OFFS.rawValue), as: UInt32.self)
    {
      let header = try request.dropFirst(Int(byte)).first(as: nlattr.self)
      self = .wrong(Attributes.number(of: header.nla_type), atByte: byte)
    } else {
      return nil
    }
  }
}
