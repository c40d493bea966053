// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netlink
import TestSupport
import Testing

struct ControllerTests {
  @Test("a family is found by name with its commands, and a missing one is not supported")
  func families() throws {
    let commands =
      [
        1: 0, 13: UInt32(GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO), 15: UInt32(GENL_ADMIN_PERM),
      ] as [UInt8: UInt32]
    var netlink = GenericNetlink(
      over: ScriptedNetlink(families: ["netdev": 22], commands: commands))
    let family = try netlink.family("netdev")
    #expect(family.id == 22)
    #expect(family.commands == [1: .none, 13: .owningNamespace, 15: .initialNamespace])
    let failure = try #require(failing { () throws(Failure) in try netlink.family("nope") })
    #expect(failure.kind == .unsupported)
    #expect(failure.errno == .noEntry)
  }

  @Test("a command's policy is that of its do, not that of its dump")
  func policy() throws {
    func policyMessage(_ index: Int, _ number: Int, _ description: [UInt8]...)
      -> ScriptedNetlink.Answer
    {
      let attribute = NetlinkBytes.attribute(number | 0x8000, description.flatMap(\.self))
      return .message(
        NetlinkBytes.nest(CTRL_ATTR_POLICY, NetlinkBytes.nest(index, attribute)), flags: 2)
    }
    let type = Int(NL_POLICY_TYPE_ATTR_TYPE.rawValue)
    let kernel = ScriptedNetlink { _ in
      [
        .message(
          NetlinkBytes.nest(
            CTRL_ATTR_OP_POLICY,
            NetlinkBytes.nest(
              13, NetlinkBytes.attribute(CTRL_ATTR_POLICY_DO, UInt32(1)),
              NetlinkBytes.attribute(CTRL_ATTR_POLICY_DUMP, UInt32(0)))), flags: 2),
        policyMessage(0, 9, NetlinkBytes.attribute(type, UInt32(2))),
        policyMessage(
          1, 5, NetlinkBytes.attribute(type, CommandPolicy.Attribute.u32),
          NetlinkBytes.attribute(Int(NL_POLICY_TYPE_ATTR_MIN_VALUE_U.rawValue), UInt64(4096)),
          NetlinkBytes.attribute(
            Int(NL_POLICY_TYPE_ATTR_MAX_VALUE_U.rawValue), UInt64(UInt32.max))),
        policyMessage(1, 3, NetlinkBytes.attribute(type, CommandPolicy.Attribute.u32)),
        .done(),
      ]
    }
    var netlink = GenericNetlink(over: kernel)
    let policy = try netlink.policy(of: 13, in: Family(name: "netdev", id: 22))
    #expect(
      policy?.attributes == [
        5: .init(type: CommandPolicy.Attribute.u32, range: 4096...UInt64(UInt32.max)),
        3: .init(type: CommandPolicy.Attribute.u32),
      ])
    #expect(try kernel.requests[0].attributes.required(UInt16(CTRL_ATTR_OP)) as UInt32 == 13)
  }

  @Test("a command that the family lacks has no policy; other refusals are failures")
  func missingCommand() throws {
    for (errno, isFailure) in [(EOPNOTSUPP, false), (ENOENT, false), (EPERM, true)] {
      var netlink = GenericNetlink(over: ScriptedNetlink { _ in [.refused(errno)] })
      let failure = failing { () throws(Failure) in
        #expect(try netlink.policy(of: 1, in: .controller) == nil)
      }
      #expect((failure != nil) == isFailure)
    }
  }

  @Test("the running kernel reports the controller's number and the policy of its look-up")
  func runningKernel() throws {
    var netlink = try GenericNetlink()
    let controller = try netlink.family("nlctrl")
    #expect(controller.id == Family.controller.id)
    #expect(controller.commands[UInt8(CTRL_CMD_GETFAMILY)] == CommandPrivilege.none)
    let failure = failing { () throws(Failure) in try netlink.family("no-such-family") }
    #expect(failure?.kind == .unsupported)
    let policy = try netlink.policy(of: UInt8(CTRL_CMD_GETFAMILY), in: controller)
    let id = try #require(policy?.attributes[UInt16(CTRL_ATTR_FAMILY_ID)])
    #expect(id == .init(type: NL_ATTR_TYPE_U16.rawValue, range: 0...UInt64(UInt16.max)))
  }
}
