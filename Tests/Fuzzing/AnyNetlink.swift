// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Kernel
import Netlink
import TestSupport

/// An input that several conversations read in turn.
final class SharedInput {
  var input: Input

  init(_ input: Input) { self.input = input }
}

/// A kernel that answers each request with what the input says, until that is used up.
final class AnyNetlink: NetlinkTransport {
  private let source: SharedInput
  /// Whether look-ups of families are answered as they must.
  private let knowsFamilies: Bool
  private var pending: [[UInt8]] = []
  private var request: (type: UInt16, command: UInt8, sequence: UInt32) = (0, 0, 0)

  init(_ source: SharedInput, knowsFamilies: Bool) {
    self.source = source
    self.knowsFamilies = knowsFamilies
  }

  var port: UInt32 { NetlinkBytes.port }

  func send(_ datagram: [UInt8]) throws(Errno) {
    request = (
      try UInt16(wire: datagram[4..<6]), datagram[16], try UInt32(wire: datagram[8..<12])
    )
    pending = []
    guard knowsFamilies, Int32(request.type) == GENL_ID_CTRL,
      request.command == UInt8(CTRL_CMD_GETFAMILY)
    else { return }
    var answer = Self.family
    answer.replaceSubrange(8..<12, with: NetlinkBytes.bytes(request.sequence))
    pending = [answer, acknowledgement(0, [])]
  }

  /// A family of the number 30, with all commands that the tool asks for.
  private static let family = {
    let commands = (1...60).flatMap { command in
      NetlinkBytes.nest(
        command, NetlinkBytes.attribute(CTRL_ATTR_OP_ID, UInt32(command)),
        NetlinkBytes.attribute(CTRL_ATTR_OP_FLAGS, UInt32(0x10)))
    }
    let attributes =
      NetlinkBytes.attribute(CTRL_ATTR_FAMILY_ID, UInt16(30))
      + NetlinkBytes.attribute(CTRL_ATTR_VERSION, UInt32(1))
      + NetlinkBytes.nest(CTRL_ATTR_OPS, commands)
    return NetlinkBytes.message(
      type: Int(GENL_ID_CTRL), flags: 0, sequence: 0,
      [UInt8(CTRL_CMD_NEWFAMILY), 2, 0, 0] + attributes)
  }()

  private func acknowledgement(_ errno: CInt, _ details: [UInt8]) -> [UInt8] {
    NetlinkBytes.message(
      type: Int(NLMSG_ERROR), flags: details.isEmpty ? 0x100 : 0x300, sequence: request.sequence,
      NetlinkBytes.bytes(errno) + [UInt8](repeating: 0, count: 16) + details)
  }

  func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    if !pending.isEmpty { return pending.removeFirst() }
    guard !source.input.isEmpty else { throw .timedOut }
    let kind = source.input.byte()
    func message(_ type: Int, _ flags: Int, _ payload: [UInt8]) -> [UInt8] {
      NetlinkBytes.message(type: type, flags: flags, sequence: request.sequence, payload)
    }
    switch kind & 7 {
    case 0:
      return message(
        Int(request.type), kind & 8 == 0 ? 0 : 0x10,
        [request.command, 1, 0, 0] + source.input.piece())
    case 1: return acknowledgement(0, [])
    case 2: return acknowledgement(source.input.integer(), source.input.piece())
    case 3:
      return message(
        Int(NLMSG_DONE), kind & 8 == 0 ? 2 : 0x202,
        NetlinkBytes.bytes(source.input.integer(CInt.self)) + source.input.piece())
    case 4: return source.input.piece()
    case 5: throw [.noBuffers, .interrupted, .outOfMemory, .tryAgain][Int(kind >> 3) & 3]
    // A message of rtnetlink, and its acknowledgement.
    case 6:
      return message(Int(request.type &- 2), 0, source.input.piece()) + acknowledgement(0, [])
    default:
      return message(Int(request.type), 2, [request.command, 1, 0, 0] + source.input.piece())
        + message(Int(NLMSG_DONE), 2, [0, 0, 0, 0])
    }
  }
}

extension SharedInput: NetlinkAccess {
  func generic() -> GenericNetlink { GenericNetlink(over: AnyNetlink(self, knowsFamilies: true)) }
  func route() -> RouteNetlink { RouteNetlink(over: AnyNetlink(self, knowsFamilies: true)) }
}
