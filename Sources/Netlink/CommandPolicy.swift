// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// The attributes that a command takes, as the running kernel checks them.
package struct CommandPolicy: Equatable, Sendable {
  /// What the kernel takes as the payload of one attribute.
  package struct Attribute: Equatable, Sendable {
    /// The corresponding C enumeration is `netlink_attribute_type`.
    package let type: UInt32
    /// The range of an unsigned integer, where the kernel gives one.
    package let range: ClosedRange<UInt64>?

    /// Describes an attribute.
    package init(type: UInt32, range: ClosedRange<UInt64>? = nil) {
      self.type = type
      self.range = range
    }

    /// `NL_ATTR_TYPE_U8`.
    package static let u8: UInt32 = NL_ATTR_TYPE_U8.rawValue
    /// `NL_ATTR_TYPE_U32`.
    package static let u32: UInt32 = NL_ATTR_TYPE_U32.rawValue
  }

  /// By attribute number. The kernel refuses what is not listed.
  package let attributes: [UInt16: Attribute]

  /// Describes a command.
  package init(attributes: [UInt16: Attribute]) { self.attributes = attributes }
}

extension GenericNetlink {
  /// Asks which attributes a command takes when it is done, not dumped. The corresponding command
  /// is `CTRL_CMD_GETPOLICY` with `CTRL_ATTR_OP`, known since 5.10.
  ///
  /// - Returns: The policy; `nil` where the family has no such command, or one without a policy.
  /// - Throws: A failure where the kernel refuses for another reason or answers with nonsense.
  package mutating func policy(
    of command: UInt8, in family: Family
  ) throws(Failure) -> CommandPolicy? {
    var request = Request(.controller, command: UInt8(CTRL_CMD_GETPOLICY))
    request.put(UInt16(CTRL_ATTR_FAMILY_ID), family.id)
    request.put(UInt16(CTRL_ATTR_OP), UInt32(command))
    let subject = "\(family.name) command \(command)"
    let parts: [PolicyPart]
    do throws(Failure) {
      parts = try dump(request, "read the netlink policy of", on: subject) { part throws(Errno) in
        try PolicyPart(part)
      }
    } catch {
      guard let errno = error.errno, [.noEntry, .notSupported, .noData].contains(errno) else {
        throw error
      }
      return nil
    }
    guard let index = parts.lazy.compactMap(\.doIndex).first else { return nil }
    let attributes = parts.lazy.flatMap(\.attributes).filter { $0.policy == index }
    return CommandPolicy(
      attributes: Dictionary(attributes.map { ($0.number, $0.attribute) }) { first, _ in first })
  }
}

/// What one message of a policy dump says: which policy a command has, or attributes of one.
private struct PolicyPart {
  let doIndex: UInt32?
  let attributes: [(policy: UInt32, number: UInt16, attribute: CommandPolicy.Attribute)]

  init(_ message: Attributes) throws(Errno) {
    var doIndex: UInt32?
    for command in try message.nest(UInt16(CTRL_ATTR_OP_POLICY))?.elements ?? [] {
      doIndex = try Attributes(command.payload).integer(UInt16(CTRL_ATTR_POLICY_DO))
    }
    self.doIndex = doIndex
    var attributes: [(UInt32, UInt16, CommandPolicy.Attribute)] = []
    for policy in try message.nest(UInt16(CTRL_ATTR_POLICY))?.elements ?? [] {
      for attribute in try Attributes(policy.payload).elements {
        let description = try Attributes(attribute.payload)
        attributes.append(
          (UInt32(policy.type), attribute.type, try CommandPolicy.Attribute(description)))
      }
    }
    self.attributes = attributes
  }
}

extension CommandPolicy.Attribute {
  fileprivate init(_ description: Attributes) throws(Errno) {
    type = try description.required(UInt16(NL_POLICY_TYPE_ATTR_TYPE.rawValue))
    let least: UInt64? = try description.integer(UInt16(NL_POLICY_TYPE_ATTR_MIN_VALUE_U.rawValue))
    let most: UInt64? = try description.integer(UInt16(NL_POLICY_TYPE_ATTR_MAX_VALUE_U.rawValue))
    guard let least, let most else {
      range = nil
      return
    }
    guard least <= most else { throw .badMessage }
    range = least...most
  }
}
