// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Kernel
import Netlink
import TestSupport
import Testing

struct RingEventsTests {
  private let socket = Announcements()

  @Test("only a change of the interface's rings is news, and it is taken once")
  func news() {
    var events = RingEvents(over: socket, of: Family(name: "ethtool", id: 21))
    #expect(events.take(about: 7) == false)
    // Of another interface; of its channels; of another family.
    socket.announce(ETHTOOL_MSG_RINGS_NTF, 8)
    socket.announce(ETHTOOL_MSG_CHANNELS_NTF, 7)
    socket.announce(ETHTOOL_MSG_RINGS_NTF, 7, family: 22)
    #expect(events.take(about: 7) == false)
    socket.announce(ETHTOOL_MSG_RINGS_NTF, 7)
    #expect(events.take(about: 7) == true)
    #expect(events.take(about: 7) == false)
  }

  @Test("what was lost, cut off or is too much is not known")
  func overrun() {
    var events = RingEvents(over: socket, of: Family(name: "ethtool", id: 21))
    socket.failure = .noBuffers
    #expect(events.take(about: 7) == nil)
    socket.failure = .timedOut
    socket.datagrams = [[1, 2, 3]]
    #expect(events.take(about: 7) == nil)
    for _ in 0..<70 { socket.announce(ETHTOOL_MSG_RINGS_NTF, 8) }
    #expect(events.take(about: 7) == nil)
    #expect(events.take(about: 7) == false)
  }

  @Test("the running kernel has the group, and a family without one is refused")
  func kernel() throws {
    var netlink = try GenericNetlink()
    var events = try RingEvents(of: try netlink.family("ethtool"))
    #expect(events.take(about: 1) == false)
    let failure = failing { () throws(Failure) in
      var other = try RingEvents(of: Family(name: "ethtool", id: 21))
      _ = other.take(about: 1)
    }
    #expect(failure?.errno == .noEntry)
  }
}

/// A socket that has been sent some announcements.
private final class Announcements: NetlinkTransport {
  var datagrams: [[UInt8]] = []
  var failure = Errno.timedOut
  let port = NetlinkBytes.port

  func announce(_ command: Int, _ interface: UInt32, family: Int = 21) {
    let header = NetlinkBytes.nest(1, NetlinkBytes.attribute(1, interface))
    datagrams.append(
      NetlinkBytes.message(
        type: family, flags: 0, sequence: 9, port: 0, [UInt8(command), 1, 0, 0] + header))
  }

  func send(_ datagram: [UInt8]) throws(Errno) { throw .notSupported }

  func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    guard !datagrams.isEmpty else { throw failure }
    return datagrams.removeFirst()
  }
}
