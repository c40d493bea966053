// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netlink
import TestSupport
import Testing

struct NetlinkSocketTests {
  @Test("what another program sends does not reach the socket")
  func foreignSender() throws {
    var netlink = try NetlinkSocket.generic()
    #expect(netlink.port != 0)
    let other = OwnedDescriptor(
      owning: try retrying { socket(AF_NETLINK, CInt(SOCK_RAW.rawValue), NETLINK_GENERIC) })
    var address = sockaddr_nl()
    address.nl_family = UInt16(AF_NETLINK)
    address.nl_pid = netlink.port
    let forged = NetlinkBytes.message(
      type: 2, flags: 0, sequence: 1, port: netlink.port, [UInt8](repeating: 0, count: 20))
    let count = unsafe withUnsafeBytes(of: address) {
      unsafe sendto(
        other.rawValue, forged, forged.count, 0,
        $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    // Without privilege no program may send to another (EPERM).
    #expect(count == -1 && [ECONNREFUSED, EPERM].contains(errno))
    #expect(throws: Errno.timedOut) { try netlink.receive(until: .now) }
  }

  @Test("the running kernel describes the loopback over rtnetlink")
  func route() throws {
    var netlink = try RouteNetlink()
    #expect(try netlink.link(ofInterface: 1).mtu > 0)
    #expect(try netlink.link(ofInterface: 1).isUp)
    let failure = failing { () throws(Failure) in try netlink.link(ofInterface: 0x7fff_ffff) }
    #expect(failure?.errno == .noDevice)
  }

  @Test("the running kernel finds an interface by its name; an alternative one may be long")
  func interfaceName() throws {
    var netlink = try RouteNetlink()
    #expect(try netlink.name(ofInterfaceNamed: "lo") == "lo")
    let unknown = String(repeating: "n", count: 127)
    let failure = failing { () throws(Failure) in try netlink.name(ofInterfaceNamed: unknown) }
    #expect(failure?.errno == .noDevice)
  }
}
