// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Kernel
import NIC
import Netlink
import TestSupport

/// What a run asks of a driver and sets, by ioctl and by netlink, with a driver that answers
/// anything, and then the undo of that.
@Sendable func askDriver(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  let choice = input.byte()
  let source = SharedInput(input)
  do throws(Failure) {
    let interface = try Interface(
      named: "nic0", index: 7, device: AnyDriver(source),
      netlink: GenericNetlink(over: AnyNetlink(source, knowsFamilies: true)),
      listeningBy: { ethtool throws(Failure) in
        RingEvents(over: AnyNetlink(source, knowsFamilies: true), of: ethtool)
      })
    if choice & 1 == 0 { try read(interface, choice) } else { try change(interface, choice) }
  } catch {
    try require(!error.description.isEmpty, "a failure without words")
  }
}

/// Asks for everything.
private func read(_ interface: consuming Interface, _ choice: UInt8) throws(Failure) {
  let files = SystemFiles(below: "/nonexistent")
  switch choice >> 1 & 7 {
  case 0:
    _ = try? interface.rings()
    _ = try interface.channels()
  case 1:
    _ = try? interface.features()
    _ = try interface.privateFlags().splittingHeaders(true)
  case 2: _ = try interface.flowRules(leadingTo: [1, 2])
  case 3:
    _ = try? interface.rss()
    _ = try interface.rssContexts()
  case 4:
    let losses = interface.receiveLosses(on: [1, 2], in: files)
    _ = (losses.growth(since: losses), losses.total)
    let drops = interface.transmitDrops(in: files)
    _ = drops.growth(since: drops)
  case 5:
    _ = try interface.identity()
    _ = try interface.receiveCopybreak()
  case 6:
    let queues = try interface.chooseQueues(nil, otherwise: .upperHalf)
    _ = try interface.chooseQueuesLeft(nil, of: queues, otherwise: .last)
    _ = try interface.queues(besides: [1])
  default:
    _ = interface.commandForMoreQueues()
    _ = try interface.queuesOfFlowSteering(in: files)
  }
}

/// Sets what a run sets, and undoes it.
private func change(_ interface: consuming Interface, _ choice: UInt8) throws(Failure) {
  var transaction = Transaction(on: interface)
  let address = IPAddress(octets: [192, 0, 2, 1])
  let flow = FlowTuple(to: .init(address, port: 5201), from: .init(address, port: 5201))
  var failure: Failure?
  do throws(Failure) {
    if choice & 2 == 0 { try transaction.enableHeaderSplit() }
    if choice & 4 == 0 { try transaction.moveRSS(off: [1, 2]) }
    if choice & 8 == 0 { try transaction.steer(flow, over: choice & 16 == 0 ? 1..<2 : 1..<3) }
    if choice & 32 == 0 { try transaction.proveOthersAvoid([1, 2]) }
    if choice & 64 == 0 { try transaction.disableHeaderSplit() }
  } catch {
    failure = error
  }
  _ = transaction.undo { _ in }
  _ = transaction.undo { _ in }
  if let failure { throw failure }
}

/// A driver that answers each request with what the input says.
private final class AnyDriver: EthtoolDevice {
  private let source: SharedInput

  init(_ source: SharedInput) { self.source = source }

  func perform(_ request: inout [UInt8]) throws(Errno) -> CInt {
    // Most inputs are to be quick.
    guard request.count < 1 << 14 else { throw .outOfMemory }
    let kind = source.input.byte()
    switch kind & 7 {
    case 0, 1:
      throw [
        .notSupported, .notPermitted, .busy, .noEntry, .invalidArgument, .noSpace, .exists,
        .noDevice,
      ][Int(kind >> 3) & 7]
    // The request comes back as it was.
    case 2: return kind & 8 == 0 ? 0 : 2
    // So much of the answer, from a place on.
    default:
      let place = 4 + Int(source.input.byte()) % max(1, request.count - 4)
      let answer = source.input.piece().prefix(request.count - place)
      request.replaceSubrange(place..<place + answer.count, with: answer)
      return 0
    }
  }
}
