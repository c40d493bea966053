// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Kernel
import Netdev
import Netlink
import TestSupport

/// Every question to netlink's families but ethtool's, and every announcement, with a kernel that
/// answers anything. The first byte chooses the question.
@Sendable func askNetlink(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  let question = input.byte()
  let source = SharedInput(input)
  do throws(Failure) {
    try ask(question % 12, of: source, knowsFamilies: question < 0x80)
  } catch {
    try require(!error.description.isEmpty, "a failure without words")
    try require(error.errno.map { $0.rawValue > 0 } ?? true, "\(error)")
  }
}

private func ask(
  _ question: UInt8, of source: SharedInput, knowsFamilies: Bool
) throws(Failure) {
  let transport = AnyNetlink(source, knowsFamilies: knowsFamilies)
  let family = Family(name: "netdev", id: 30)
  switch question {
  case 0:
    var netlink = GenericNetlink(over: transport)
    _ = try netlink.family("netdev")
  case 1:
    var netlink = GenericNetlink(over: transport)
    _ = try netlink.policy(of: 13, in: family)
  case 2:
    let netdev = try Netdev(through: source)
    _ = try? netdev.capabilities.autorelease()
    _ = try? netdev.capabilities.autorelease(numbered: 6)
    _ = try netdev.queues(ofInterface: 7)
    _ = try netdev.pagePools()
  case 3:
    let netdev = try Netdev(through: source)
    _ = try netdev.receiveStatistics(ofInterface: 7)
    _ = try netdev.interrupts(of: 0..<4, ofInterface: 7)
  case 4:
    let netdev = try Netdev(through: source)
    _ = try netdev.freeQueues(ofInterface: 7)
    _ = try netdev.queues(leasedToInterface: 7)
    try netdev.waitUntilReleased(3, ofInterface: 7, Wait().limited(to: .zero))
  case 5:
    let netdev = try Netdev(through: source)
    let file = try attempt("open") { () throws(Errno) in try OwnedDescriptor(opening: "/dev/null") }
    _ = try netdev.bindReceive(
      1..<3, ofInterface: 7, named: "nic0", to: file, as: .init(autorelease: true),
      patience: .zero)
    _ = try netdev.bindTransmit(interface: 7, named: "nic0", to: file)
  case 6:
    var route = RouteNetlink(over: transport)
    _ = try? route.link(ofInterface: 7)
    _ = try route.name(ofInterfaceNamed: "eth0")
  case 7:
    var route = RouteNetlink(over: transport)
    let stack = try route.stack()
    for link in stack.links {
      _ = (stack.below(link.index), stack.ports(of: link.index), stack.link(link.index))
      _ = stack.stands(link.index, on: stack.links[0].index)
    }
  case 8:
    var route = RouteNetlink(over: transport)
    let address = IPAddress(octets: [192, 0, 2, 1])
    _ = route.hasRoute(to: address, from: nil, through: 7)
    _ = try route.routeInterface(to: address, from: address)
  case 9:
    var events = LinkEvents(over: transport, descriptor: .standardInput)
    _ = events.take(about: 7)
  case 10:
    var events = RingEvents(over: transport, of: family)
    _ = events.take(about: 7)
  default:
    var netlink = GenericNetlink(over: transport)
    let request = Request(family, command: 3)
    if let refusal = try netlink.refusal(of: request, "try") { _ = refusal.line }
    try netlink.execute(request, "try", on: "it", hint: "a hint")
  }
}
