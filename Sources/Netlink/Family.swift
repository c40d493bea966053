// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A generic-netlink family as the running kernel numbers it.
package struct Family: Sendable {
  /// The name that the kernel looks it up by, such as `netdev`.
  package let name: String
  /// The number that its messages have for a type.
  package let id: UInt16
  /// The version of its commands.
  package let version: UInt8
  /// What each of its commands demands of the sender, by the command's number.
  package let commands: [UInt8: CommandPrivilege]
  /// The numbers of its multicast groups, by their names.
  package let groups: [String: UInt32]

  /// `nlctrl`, the family that describes the others. Its number is fixed.
  package static let controller = Family(name: "nlctrl", id: UInt16(GENL_ID_CTRL), version: 2)

  /// Describes a family.
  package init(
    name: String, id: UInt16, version: UInt8 = 1, commands: [UInt8: CommandPrivilege] = [:],
    groups: [String: UInt32] = [:]
  ) {
    self.name = name
    self.id = id
    self.version = version
    self.commands = commands
    self.groups = groups
  }

  /// Reads the answer to a look-up.
  ///
  /// - Throws: `EBADMSG` where it lacks what every family has.
  fileprivate init(named name: String, _ answer: Attributes) throws(Errno) {
    let version: UInt32 = try answer.required(UInt16(CTRL_ATTR_VERSION))
    var commands: [UInt8: CommandPrivilege] = [:]
    for element in try answer.nest(UInt16(CTRL_ATTR_OPS))?.elements ?? [] {
      let command = try Attributes(element.payload)
      let id: UInt32 = try command.required(UInt16(CTRL_ATTR_OP_ID))
      commands[UInt8(truncatingIfNeeded: id)] = CommandPrivilege(
        flags: try command.required(UInt16(CTRL_ATTR_OP_FLAGS)))
    }
    var groups: [String: UInt32] = [:]
    for element in try answer.nest(UInt16(CTRL_ATTR_MCAST_GROUPS))?.elements ?? [] {
      let group = try Attributes(element.payload)
      guard let name = group.string(UInt16(CTRL_ATTR_MCAST_GRP_NAME)) else { throw .badMessage }
      groups[name] = try group.required(UInt16(CTRL_ATTR_MCAST_GRP_ID))
    }
    self.init(
      name: name, id: try answer.required(UInt16(CTRL_ATTR_FAMILY_ID)),
      version: UInt8(truncatingIfNeeded: version), commands: commands, groups: groups)
  }
}

/// Where the sender of a command must have `CAP_NET_ADMIN`.
package enum CommandPrivilege: Sendable {
  /// Nowhere.
  case none
  /// In the initial user namespace (`GENL_ADMIN_PERM`).
  case initialNamespace
  /// In the user namespace that owns the network namespace (`GENL_UNS_ADMIN_PERM`).
  case owningNamespace

  init(flags: UInt32) {
    self =
      flags & UInt32(GENL_ADMIN_PERM) != 0
      ? .initialNamespace : flags & UInt32(GENL_UNS_ADMIN_PERM) != 0 ? .owningNamespace : .none
  }
}

extension GenericNetlink {
  /// Looks up a family by its name: its number, and its commands. The corresponding command is
  /// `CTRL_CMD_GETFAMILY`.
  ///
  /// - Throws: A failure of the kind `unsupported` where the kernel has no such family.
  package mutating func family(_ name: String) throws(Failure) -> Family {
    var request = Request(.controller, command: UInt8(CTRL_CMD_GETFAMILY))
    request.put(UInt16(CTRL_ATTR_FAMILY_NAME), name)
    do throws(Failure) {
      return try get(request, "find the netlink family", on: name) { answer throws(Errno) in
        try Family(named: name, answer)
      }
    } catch {
      var failure = error
      if failure.errno == .noEntry {
        failure.kind = .unsupported
        failure.hint = "this kernel was built without it, or is too old for it"
      }
      throw failure
    }
  }
}
