// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// What the ethtool family announces about ring parameters of this network namespace's interfaces:
/// `ETHTOOL_MSG_RINGS_NTF`, sent to the group `monitor`.
///
/// The kernel announces a request to set ring parameters only if that differs from what was
/// configured, and before it acknowledges it (`net/ethtool/netlink.c`, `ethnl_default_set_doit`).
/// Nothing else shows what was configured: what can be read is what the driver does.
package struct RingEvents: ~Copyable {
  private var transport: any NetlinkTransport & ~Copyable
  private let family: UInt16

  /// The most datagrams that are taken at once.
  private static let limit = 64

  /// Begins to listen.
  ///
  /// - Parameter ethtool: The ethtool family.
  /// - Throws: A failure where the kernel has no such group, or gives no socket.
  package init(of ethtool: Family) throws(Failure) {
    let operation = "listen to the netlink family"
    guard let group = ethtool.groups["monitor"] else {
      throw Failure(operation, on: ethtool.name, errno: .noEntry, reason: "it has no monitor group")
    }
    let socket = try attempt(operation, on: ethtool.name) { () throws(Errno) in
      try NetlinkSocket.generic(inGroup: group)
    }
    self.init(over: socket, of: ethtool)
  }

  /// Listens to a given transport.
  package init(over transport: consuming any NetlinkTransport & ~Copyable, of ethtool: Family) {
    self.transport = transport
    family = ethtool.id
  }

  /// Takes what waits, at most 64 datagrams.
  ///
  /// - Returns: Whether something was announced about an interface's rings; `nil` where that is not
  ///   known, since something was lost or too much came.
  package mutating func take(about index: UInt32) -> Bool? {
    var isAnnounced = false
    for _ in 0..<Self.limit {
      do throws(Errno) {
        for message in try Message.split(try transport.receive(until: .now)) {
          if try isAbout(index, message) { isAnnounced = true }
        }
      } catch {
        // Another error, such as ENOBUFS, hides what was announced.
        return error == .timedOut ? isAnnounced : nil
      }
    }
    return nil
  }

  private func isAbout(_ index: UInt32, _ message: Message) throws(Errno) -> Bool {
    guard message.type == family else { return false }
    let header = try message.payload.first(as: genlmsghdr.self)
    guard header.cmd == UInt8(ETHTOOL_MSG_RINGS_NTF) else { return false }
    let attributes = try message.attributes(behind: MemoryLayout<genlmsghdr>.size)
    let interface = try attributes.nest(UInt16(ETHTOOL_A_RINGS_HEADER))
    return try interface?.integer(UInt16(ETHTOOL_A_HEADER_DEV_INDEX)) == index
  }
}
