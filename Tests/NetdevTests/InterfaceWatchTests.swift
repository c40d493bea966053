// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netdev
import Netlink
import TestSupport
import Testing

struct InterfaceWatchTests {
  private let host: ScriptedLink

  init() throws { host = try ScriptedLink() }

  @Test("an interface that is down is refused at once, with the way up")
  func downAtStart() throws {
    host.flags = 0
    let failure = try #require(failing { () throws(Failure) in _ = try watch() })
    #expect(failure.operation == "receive on")
    #expect(failure.subject == "nic0")
    #expect(failure.errno == .networkDown)
    #expect(failure.hint == "ip link set nic0 up")
    #expect(failure.exitStatus() == 1)
    host.flags = nil
    #expect(failing { () throws(Failure) in _ = try watch() }?.errno == .noDevice)
  }

  @Test("an interface that goes down or away after an announcement ends the run")
  func ends() throws {
    let watch = try watch()
    try watch.look()
    host.flags = 0
    // Nothing is announced: the link is not asked for.
    let asked = host.questions
    try watch.look()
    #expect(host.questions == asked)
    host.announce(RTM_NEWLINK, 7)
    #expect(failing { () throws(Failure) in try watch.look() }?.errno == .networkDown)
    host.flags = nil
    host.announce(RTM_DELLINK, 7)
    let gone = failing { () throws(Failure) in try watch.look() }
    #expect(gone?.errno == .noDevice)
    #expect(gone?.reason == "the interface is gone")
  }

  @Test("an interface that moves to another network namespace is said to")
  func moves() throws {
    let watch = try watch()
    host.flags = nil
    host.announce(RTM_DELLINK, 7, NetlinkBytes.attribute(IFLA_NEW_NETNSID, UInt32(0)))
    let failure = failing { () throws(Failure) in try watch.look() }
    #expect(failure?.errno == .noDevice)
    #expect(failure?.reason?.contains("another network namespace") == true)
    #expect(failure?.hint != nil)
  }

  @Test("the announcement of a move is waited for: the interface is gone before it")
  func movesLater() throws {
    let watch = try watch()
    host.flags = nil
    host.announce(RTM_NEWLINK, 7)
    host.lookCountBeforeLate = 2
    host.announceLate(RTM_DELLINK, 7, NetlinkBytes.attribute(IFLA_NEW_NETNSID, UInt32(0)))
    try host.news.write([0])
    let failure = failing { () throws(Failure) in try watch.look() }
    #expect(failure?.reason?.contains("another network namespace") == true)
  }

  @Test("other announcements are no end, and those of other interfaces ask for nothing")
  func goesOn() throws {
    let watch = try watch()
    // A carrier is lost: IFF_RUNNING and IFF_LOWER_UP are clear.
    host.flags = UInt32(IFF_UP.rawValue)
    host.announce(RTM_NEWLINK, 7)
    try watch.look()
    let asked = host.questions
    host.announce(RTM_DELLINK, 8)
    host.announce(RTM_NEWADDR, 7)
    try watch.look()
    #expect(host.questions == asked)
    #expect(host.announcements.isEmpty)
  }

  @Test("announcements that were lost or cut off are looked after", arguments: [true, false])
  func overrun(isLost: Bool) throws {
    let watch = try watch()
    host.flags = 0
    if isLost { host.failure = .noBuffers } else { host.announcements = [[1, 2, 3]] }
    #expect(failing { () throws(Failure) in try watch.look() }?.errno == .networkDown)
  }

  @Test("more announcements than can be taken at once are taken in turns")
  func flood() throws {
    let watch = try watch()
    for _ in 0..<100 { host.announce(RTM_NEWLINK, 8) }
    try watch.look()
    #expect(host.announcements.count == 36)
    try watch.look()
    #expect(host.announcements.isEmpty)
  }

  @Test("a binding that no queue has any more ends the run, whatever is announced")
  func losesBinding() throws {
    let watch = try watch()
    host.binding = 42
    watch.expect(binding: 42, through: try Netdev(through: host))
    try watch.look()
    host.binding = 43
    let lost = failing { () throws(Failure) in try watch.look() }
    #expect(lost?.reason?.contains("lost the device memory") == true)
    // An interface that is down has no queues: that is the reason.
    host.flags = 0
    #expect(failing { () throws(Failure) in try watch.look() }?.errno == .networkDown)
    host.flags = 1
    watch.expectNoBinding()
    try watch.look()
  }

  @Test("a binding that was never seen is not missed")
  func unseenBinding() throws {
    let watch = try watch()
    watch.expect(binding: 42, through: try Netdev(through: host))
    try watch.look()
  }

  @Test("the end of the interface explains what the kernel refused, and nothing else")
  func explains() throws {
    let watch = try watch()
    let refused = Failure("send", errno: .noDevice)
    let timedOut = Failure("receive", errno: .timedOut)
    #expect(watch.explain(refused).operation == "send")
    host.flags = 0
    for failure in [refused, timedOut] {
      #expect(watch.explain(failure).errno == .networkDown)
      let thrown = failing { () throws(Failure) in
        try watch.explaining { () throws(Failure) in throw failure }
      }
      #expect(thrown?.errno == .networkDown)
    }
    #expect(watch.explain(Failure("receive", reason: "a wrong byte")).reason == "a wrong byte")
    #expect(watch.explain(.stopped("receive")).kind == .stopped)
  }

  @Test("a kernel that does not answer is no end")
  func silentKernel() throws {
    let watch = try watch()
    host.isSilent = true
    host.announce(RTM_NEWLINK, 7)
    try watch.look()
  }

  @Test("the running kernel's loopback is up")
  func loopback() throws {
    let watch = try InterfaceWatch(ofInterface: 1, named: "lo", to: "receive on")
    try watch.look()
    #expect(
      failing { () throws(Failure) in
        _ = try InterfaceWatch(ofInterface: 0x7fff_ffff, named: "none", to: "receive on")
      }?.errno == .noDevice)
  }

  private func watch() throws(Failure) -> InterfaceWatch {
    try InterfaceWatch(
      ofInterface: 7, named: "nic0", to: "receive on", through: host,
      announcedBy: LinkEvents(over: host, descriptor: host.news.reader.borrowed))
  }
}

/// A kernel with one interface, of index 7, and what it announces.
private final class ScriptedLink: NetlinkAccess, NetlinkTransport {
  /// What would become readable.
  let news: Pipe
  /// Of the interface; gone if `nil`.
  var flags: UInt32? = UInt32(IFF_UP.rawValue | IFF_RUNNING.rawValue)
  var announcements: [[UInt8]] = []
  /// What comes once so many looks have found nothing.
  var late: [[UInt8]] = []
  var lookCountBeforeLate = 0
  /// What takes the place of the next announcement.
  var failure: Errno?
  /// What its one queue has, while it is up.
  var binding: UInt32?
  var isSilent = false
  /// How often the link was asked for.
  var questions = 0

  init() throws(Errno) { news = try Pipe() }

  func announce(_ type: Int, _ index: UInt32, _ attributes: [UInt8] = []) {
    announcements.append(announcement(type, index, attributes))
  }

  func announceLate(_ type: Int, _ index: UInt32, _ attributes: [UInt8]) {
    late.append(announcement(type, index, attributes))
  }

  private func announcement(_ type: Int, _ index: UInt32, _ attributes: [UInt8]) -> [UInt8] {
    let header: [UInt8] = [0, 0, 0, 0] + NetlinkBytes.bytes(index) + NetlinkBytes.bytes(UInt64(0))
    return NetlinkBytes.message(type: type, flags: 0, sequence: 0, port: 0, header + attributes)
  }

  var port: UInt32 { NetlinkBytes.port }

  func send(_ datagram: [UInt8]) throws(Errno) { throw .invalidArgument }

  func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    if let failure = failure.take() { throw failure }
    guard !announcements.isEmpty else {
      lookCountBeforeLate -= 1
      if lookCountBeforeLate == 0 { swap(&announcements, &late) }
      throw .timedOut
    }
    return announcements.removeFirst()
  }

  func generic() throws(Failure) -> GenericNetlink {
    GenericNetlink(
      over: ScriptedNetdev.linux73.kernel { [self] _ in
        let owner = binding.map { NetlinkBytes.attribute(5, $0) } ?? []
        return flags ?? 0 & 1 == 0
          ? [.done()]
          : [
            .message(
              NetlinkBytes.attribute(1, UInt32(0)) + NetlinkBytes.attribute(3, UInt32(0)) + owner),
            .done(),
          ]
      })
  }

  func route() throws(Failure) -> RouteNetlink {
    questions += 1
    guard !isSilent else { throw Failure("open an rtnetlink socket", errno: .outOfMemory) }
    return RouteNetlink(over: ScriptedRoute(interface: 7, flags: flags))
  }
}
