// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel
internal import Netlink
internal import Testing

/// A kernel's netdev family, played by a test: its policies are those of a release, its answers
/// those of the test.
package struct ScriptedNetdev: Sendable, CustomTestStringConvertible {
  /// What a bind or a dump is answered with.
  package typealias Answers = [ScriptedNetlink.Answer]

  /// The release, for the test's report.
  package let testDescription: String
  /// The attributes that bind-rx takes; none if the family has no such command.
  let receive: [Int: CommandPolicy.Attribute]?
  let bindsTransmit: Bool
  /// What bind-rx demands.
  private let bindFlags: CInt

  private init(
    testDescription: String, receive: [Int: CommandPolicy.Attribute]?, bindsTransmit: Bool,
    bindFlags: CInt = GENL_ADMIN_PERM
  ) {
    self.testDescription = testDescription
    self.receive = receive
    self.bindsTransmit = bindsTransmit
    self.bindFlags = bindFlags
  }

  private static let upTo6: [Int: CommandPolicy.Attribute] = [
    1: .init(type: CommandPolicy.Attribute.u32, range: 1...UInt64(UInt32.max)),
    2: .init(type: NL_ATTR_TYPE_NESTED.rawValue),
    3: .init(type: CommandPolicy.Attribute.u32, range: 0...UInt64(UInt32.max)),
  ]
  private static let rxPageSize = CommandPolicy.Attribute(
    type: CommandPolicy.Attribute.u32, range: 4096...UInt64(UInt32.max))
  private static let anyByte = CommandPolicy.Attribute(
    type: CommandPolicy.Attribute.u8, range: 0...255)

  /// Before device memory.
  package static let linux611 = ScriptedNetdev(
    testDescription: "6.11", receive: nil, bindsTransmit: false)
  /// The first with bind-rx.
  package static let linux612 = ScriptedNetdev(
    testDescription: "6.12", receive: upTo6, bindsTransmit: false)
  /// With bind-tx.
  package static let linux72 = ScriptedNetdev(
    testDescription: "7.2", receive: upTo6, bindsTransmit: true)
  /// With `rx-page-size` for attribute 5.
  package static let linux73 = ScriptedNetdev(
    testDescription: "7.3", receive: upTo6.merging([5: rxPageSize]) { $1 }, bindsTransmit: true,
    bindFlags: GENL_UNS_ADMIN_PERM)
  /// With the autorelease series on its own base: autorelease for attribute 5.
  package static let series = ScriptedNetdev(
    testDescription: "the autorelease series", receive: upTo6.merging([5: anyByte]) { $1 },
    bindsTransmit: true)
  /// With selftests/lab/series on top of 7.3: autorelease for attribute 6, as a `u32`.
  package static let lab = ScriptedNetdev(
    testDescription: "7.3 with autorelease",
    receive: upTo6.merging([
      5: rxPageSize, 6: .init(type: CommandPolicy.Attribute.u32, range: 0...1),
    ]) { $1 }, bindsTransmit: true)
  /// With unknown attributes, of which one is a switch.
  package static let later = ScriptedNetdev(
    testDescription: "a later kernel",
    receive: upTo6.merging([
      5: rxPageSize, 6: .init(type: CommandPolicy.Attribute.u8, range: 1...255),
      7: .init(type: CommandPolicy.Attribute.u32, range: 0...1),
      8: .init(type: NL_ATTR_TYPE_STRING.rawValue),
    ]) { $1 }, bindsTransmit: true)

  /// With a `u32` for attribute 5 that has no range: it could be a size or a switch.
  package static let unranged = ScriptedNetdev(
    testDescription: "a kernel without ranges",
    receive: upTo6.merging([5: .init(type: CommandPolicy.Attribute.u32)]) { $1 },
    bindsTransmit: true)

  /// The kernel's end of a netlink socket.
  package func kernel(
    answering answers: @escaping (ScriptedNetlink.Request) -> Answers = { _ in [] }
  ) -> ScriptedNetlink {
    ScriptedNetlink(families: ["netdev": 22], commands: commands) { request in
      guard request.family == UInt16(GENL_ID_CTRL) else { return answers(request) }
      return switch try? request.attributes.integer(UInt16(CTRL_ATTR_OP)) as UInt32? {
      case CLinux_NETDEV_CMD_BIND_RX.rawValue: policy(receive)
      case CLinux_NETDEV_CMD_BIND_TX.rawValue: policy(bindsTransmit ? Self.upTo6 : nil)
      default: [.refused(EINVAL)]
      }
    }
  }

  /// What it reports of its commands: bind-rx is for who administers the network.
  private var commands: [UInt8: UInt32] {
    var commands: [UInt8: UInt32] = [:]
    if receive != nil {
      commands[UInt8(CLinux_NETDEV_CMD_BIND_RX.rawValue)] = UInt32(bindFlags)
    }
    if bindsTransmit { commands[UInt8(CLinux_NETDEV_CMD_BIND_TX.rawValue)] = 0 }
    return commands
  }

  private func policy(_ attributes: [Int: CommandPolicy.Attribute]?) -> Answers {
    guard let attributes else { return [.refused(ENOENT)] }
    let doPolicy = NetlinkBytes.attribute(CTRL_ATTR_POLICY_DO, UInt32(0))
    let opPolicy = NetlinkBytes.nest(CTRL_ATTR_OP_POLICY, NetlinkBytes.nest(13, doPolicy))
    return [.message(opPolicy)]
      + attributes.sorted { $0.key < $1.key }.map { number, attribute in
        let description = NetlinkBytes.nest(number, describe(attribute))
        return .message(
          NetlinkBytes.nest(CTRL_ATTR_POLICY, NetlinkBytes.nest(0, description)))
      } + [.done()]
  }

  private func describe(_ attribute: CommandPolicy.Attribute) -> [UInt8] {
    let type = NetlinkBytes.attribute(Int(NL_POLICY_TYPE_ATTR_TYPE.rawValue), attribute.type)
    guard let range = attribute.range else { return type }
    let least = Int(NL_POLICY_TYPE_ATTR_MIN_VALUE_U.rawValue)
    let most = Int(NL_POLICY_TYPE_ATTR_MAX_VALUE_U.rawValue)
    return type + NetlinkBytes.attribute(least, range.lowerBound)
      + NetlinkBytes.attribute(most, range.upperBound)
  }
}

extension ScriptedNetlink.Answer {
  /// The answer to a bind that is granted, with the token mode where the kernel reports it.
  package static func bound(_ id: UInt32, autorelease: UInt32? = nil) -> Self {
    .message(
      NetlinkBytes.attribute(Int(CLinux_NETDEV_A_DMABUF_ID.rawValue), id)
        + (autorelease.map { NetlinkBytes.attribute(6, $0) } ?? []))
  }
}
