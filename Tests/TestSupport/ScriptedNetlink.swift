// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// A kernel played by a test: it looks families up by itself, and leaves all else to a script.
package final class ScriptedNetlink: NetlinkTransport {
  /// A request, taken apart.
  package struct Request: Sendable {
    /// The family's number (`nlmsg_type`).
    package let family: UInt16
    /// The family's command (`genlmsghdr.cmd`).
    package let command: UInt8
    /// The corresponding C constants begin with `NLM_F_` (`nlmsg_flags`).
    package let flags: UInt16
    /// The request's number (`nlmsg_seq`).
    package let sequence: UInt32
    /// What follows the `genlmsghdr`.
    package let attributes: Attributes
  }

  /// One datagram in answer to a request.
  package enum Answer: Sendable {
    /// A message of the family with these attributes; `flags` as in `nlmsg_flags`.
    case message([UInt8], flags: Int = 0)
    /// The request is done.
    case acknowledged
    /// The request is refused, with these attributes of an extended acknowledgement.
    case refused(CInt, [UInt8] = [])
    /// The dump is over.
    case done(CInt = 0, [UInt8] = [])
    /// These bytes, whatever they are.
    case raw([UInt8])

    /// The request is refused with a text.
    package static func refused(_ errno: CInt, text: String) -> Answer {
      .refused(errno, NetlinkBytes.attribute(Int(NLMSGERR_ATTR_MSG.rawValue), text))
    }
  }

  /// All requests but look-ups of families, in the order sent.
  package private(set) var requests: [Request] = []

  /// How often a family was looked up.
  package private(set) var lookUpCount = 0

  private let families: [String: UInt16]
  private let commands: [UInt8: UInt32]
  private let script: (Request) -> [Answer]
  private var datagrams: [[UInt8]] = []

  /// A kernel that knows some families by name and number.
  ///
  /// - Parameters:
  ///   - commands: The flags of each family's commands.
  ///   - script: What to answer a request with. A wait for more than that times out at once.
  package init(
    families: [String: UInt16] = [:], commands: [UInt8: UInt32] = [:],
    script: @escaping (Request) -> [Answer] = { _ in [] }
  ) {
    self.families = families
    self.commands = commands
    self.script = script
  }

  /// The port that the messages are for.
  package var port: UInt32 { NetlinkBytes.port }

  /// Takes a request, and queues its answers.
  package func send(_ datagram: [UInt8]) throws(Errno) {
    let request = Request(
      family: try UInt16(wire: datagram[4..<6]), command: datagram[16],
      flags: try UInt16(wire: datagram[6..<8]), sequence: try UInt32(wire: datagram[8..<12]),
      attributes: try Attributes(datagram[20...]))
    let answers: [Answer]
    if request.family == UInt16(GENL_ID_CTRL), request.command == UInt8(CTRL_CMD_GETFAMILY),
      let name = request.attributes.string(UInt16(CTRL_ATTR_FAMILY_NAME)), !families.isEmpty
    {
      lookUpCount += 1
      answers = lookUp(name)
    } else {
      requests.append(request)
      answers = script(request)
    }
    datagrams += answers.map { encode($0, to: request) }
  }

  /// The next answer; `ETIMEDOUT` at once where there is none.
  package func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    guard !datagrams.isEmpty else { throw .timedOut }
    return datagrams.removeFirst()
  }

  private func lookUp(_ name: String) -> [Answer] {
    guard let id = families[name] else { return [.refused(Errno.noEntry.rawValue)] }
    let operations = commands.sorted { $0.key < $1.key }.flatMap { command, flags in
      NetlinkBytes.nest(
        Int(command), NetlinkBytes.attribute(CTRL_ATTR_OP_ID, UInt32(command)),
        NetlinkBytes.attribute(CTRL_ATTR_OP_FLAGS, flags))
    }
    let attributes =
      NetlinkBytes.attribute(CTRL_ATTR_FAMILY_ID, id)
      + NetlinkBytes.attribute(CTRL_ATTR_VERSION, UInt32(1))
      + NetlinkBytes.nest(CTRL_ATTR_OPS, operations)
    return [.message(attributes), .acknowledged]
  }

  private func encode(_ answer: Answer, to request: Request) -> [UInt8] {
    func message(_ type: Int, _ flags: Int, _ payload: [UInt8]) -> [UInt8] {
      NetlinkBytes.message(type: type, flags: flags, sequence: request.sequence, payload)
    }
    switch answer {
    case .message(let attributes, let flags):
      return message(Int(request.family), flags, [request.command, 1, 0, 0] + attributes)
    case .acknowledged:
      return message(2, 0x100, [UInt8](repeating: 0, count: 20))
    case .refused(let errno, let details):
      let header = [UInt8](repeating: 0, count: 16)
      return message(2, 0x300, NetlinkBytes.bytes(-errno) + header + details)
    case .done(let errno, let details):
      return message(3, 0x202, NetlinkBytes.bytes(-errno) + details)
    case .raw(let bytes):
      return bytes
    }
  }
}

extension ScriptedNetlink: NetlinkAccess {
  /// A conversation with this kernel.
  package func generic() -> GenericNetlink { GenericNetlink(over: self) }

  /// A conversation with this kernel.
  package func route() -> RouteNetlink { RouteNetlink(over: self) }
}
