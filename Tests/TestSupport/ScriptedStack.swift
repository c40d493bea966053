// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// The kernel's end of rtnetlink sockets, with some interfaces and routes.
package final class ScriptedStack: NetlinkTransport, NetlinkAccess {
  private let links: [[UInt8]]
  /// The index of the interface that a route leaves by, as one looks that names none; `nil` where
  /// there is none.
  package var routeInterface: UInt32?
  /// The indices of the interfaces that a routing table has a route through.
  package var routedInterfaces: Set<UInt32> = []
  private var datagrams: [[UInt8]] = []

  /// A kernel with interfaces.
  ///
  /// - Parameter links: Each one's index and attributes.
  package init(_ links: [(UInt32, [UInt8])]) {
    self.links = links.map { index, attributes in
      [0, 0, 0, 0] + NetlinkBytes.bytes(index) + [UInt8](repeating: 0, count: 8) + attributes
    }
  }

  /// The attributes of an interface.
  package static func link(
    _ name: String, kind: String? = nil, on lower: UInt32? = nil, of master: UInt32? = nil,
    masterKind: String? = nil, device: String? = nil
  ) -> [UInt8] {
    NetlinkBytes.attribute(IFLA_IFNAME, name)
      + (lower.map { NetlinkBytes.attribute(IFLA_LINK, $0) } ?? [])
      + (master.map { NetlinkBytes.attribute(IFLA_MASTER, $0) } ?? [])
      + (device.map { NetlinkBytes.attribute(IFLA_PARENT_DEV_NAME, $0) } ?? [])
      + NetlinkBytes.nest(
        IFLA_LINKINFO, kind.map { NetlinkBytes.attribute(IFLA_INFO_KIND, $0) } ?? [],
        masterKind.map { NetlinkBytes.attribute(IFLA_INFO_SLAVE_KIND, $0) } ?? [])
  }

  /// The port that the messages are for.
  package var port: UInt32 { NetlinkBytes.port }

  /// A conversation of rtnetlink.
  package func route() throws(Failure) -> RouteNetlink { RouteNetlink(over: self) }

  /// There is none.
  package func generic() throws(Failure) -> GenericNetlink {
    throw Failure("open a generic-netlink socket", errno: .notSupported)
  }

  /// Takes a request, and queues its answers.
  package func send(_ datagram: [UInt8]) throws(Errno) {
    let sequence = try UInt32(wire: datagram[8..<12])
    func message(_ type: Int, _ payload: [UInt8]) -> [UInt8] {
      NetlinkBytes.message(type: type, flags: 0, sequence: sequence, payload)
    }
    func end(_ errno: CInt) -> [UInt8] {
      message(2, NetlinkBytes.bytes(-errno) + [UInt8](repeating: 0, count: 16))
    }
    switch Int(try UInt16(wire: datagram[4..<6])) {
    case Int(RTM_GETLINK):
      datagrams = links.map { message(Int(RTM_NEWLINK), $0) } + [message(3, [0, 0, 0, 0])]
    case Int(RTM_GETROUTE):
      let attributes = try Attributes(datagram[28...])
      guard let destination = attributes.bytes(UInt16(RTA_DST.rawValue)),
        destination.count * 8 == Int(datagram[17])
      else { throw .invalidArgument }
      let wanted: UInt32? = try attributes.integer(UInt16(RTA_OIF.rawValue))
      let isMatch = try UInt32(wire: datagram[24..<28]) == UInt32(RTM_F_FIB_MATCH)
      guard isMatch == (wanted != nil) else { throw .invalidArgument }
      let device = wanted.map { routedInterfaces.contains($0) ? $0 : nil } ?? routeInterface
      guard let device else {
        datagrams = [end(Errno.networkUnreachable.rawValue)]
        return
      }
      let header = [UInt8](repeating: 0, count: 12)
      datagrams = [
        message(
          Int(RTM_NEWROUTE),
          header + NetlinkBytes.attribute(Int(RTA_OIF.rawValue), device)), end(0),
      ]
    default: throw .invalidArgument
    }
  }

  /// The next answer; `ETIMEDOUT` at once where there is none.
  package func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    guard !datagrams.isEmpty else { throw .timedOut }
    return datagrams.removeFirst()
  }
}
