// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netdev
import Netlink
import TestSupport
import Testing

struct NetdevTests {
  @Test("queues are listed with direction, NAPI and owner")
  func listsQueues() throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in
      [
        queue(0, 0, NetlinkBytes.attribute(4, UInt32(8193))),
        queue(1, 0, NetlinkBytes.attribute(5, UInt32(42))),
        queue(2, 0, NetlinkBytes.nest(6)),
        queue(3, 0, NetlinkBytes.nest(7), NetlinkBytes.nest(99)),
        queue(0, 1),
        .done(),
      ]
    }
    let netdev = try Netdev(through: kernel)
    let queues = try netdev.queues(ofInterface: 7)
    #expect(queues.map(\.index) == [0, 1, 2, 3, 0])
    #expect(queues.map(\.direction) == [.receive, .receive, .receive, .receive, .transmit])
    #expect(queues.map(\.napi) == [8193, nil, nil, nil, nil])
    #expect(queues.map(\.owner) == [nil, .binding(42), .ioUring, .xdpSocket, nil])

    let request = try #require(kernel.requests.last)
    #expect(request.command == 10)
    #expect(request.flags & UInt16(NLM_F_DUMP) == UInt16(NLM_F_DUMP))
    #expect(try request.attributes.required(2) as UInt32 == 7)
  }

  @Test("a queue of a type that is not known is listed, and is of neither direction")
  func listsUnknownTypes() throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in [queue(0, 0), queue(1, 2), .done()] }
    let queues = try Netdev(through: kernel).queues(ofInterface: 7)
    #expect(queues.map(\.direction) == [.receive, nil])
  }

  @Test(
    "a NAPI instance names a queue only where it serves no other RX queue",
    arguments: [(5, 0), (6, nil), (7, nil), (8, nil), (nil, nil)] as [(UInt32?, UInt32?)])
  func findsServedQueue(napi: UInt32?, expected: UInt32?) throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in
      [(0, 0, 5), (1, 0, 6), (2, 0, 6), (0, 1, 5), (1, 1, 7)].map { index, type, napi in
        queue(index, type, NetlinkBytes.attribute(4, UInt32(napi)))
      } + [.done()]
    }
    let queues = try Netdev(through: kernel).queues(ofInterface: 7)
    #expect(queues.receiveQueue(servedBy: napi) == expected)
  }

  @Test("the interrupts of RX queues are found by the NAPI instances that serve them")
  func findsInterrupts() throws {
    let kernel = ScriptedNetdev.linux73.kernel { request in
      if request.command == UInt8(CLinux_NETDEV_CMD_QUEUE_GET.rawValue) {
        return [(0, 0, 5), (1, 0, 6), (2, 0, 7), (1, 1, 8)].map { index, type, napi in
          queue(index, type, NetlinkBytes.attribute(4, UInt32(napi)))
        } + [.done()]
      }
      // The instance 7 has no interrupt.
      return [(5, 31), (6, 32), (7, nil), (8, 33)].map { id, interrupt in
        .message(
          NetlinkBytes.attribute(2, UInt32(id))
            + (interrupt.map { NetlinkBytes.attribute(3, UInt32($0)) } ?? []))
      } + [.done()]
    }
    let netdev = try Netdev(through: kernel)
    #expect(try netdev.interrupts(of: 1..<3, ofInterface: 7) == [32])
    #expect(try netdev.interrupts(of: 0..<2, ofInterface: 7) == [31, 32])
    let request = try #require(kernel.requests.last)
    #expect(request.command == 11)
    #expect(request.flags & UInt16(NLM_F_DUMP) == UInt16(NLM_F_DUMP))
    #expect(try request.attributes.required(1) as UInt32 == 7)
    #expect(try netdev.interrupts(of: 9..<10, ofInterface: 7) == [])
  }

  @Test("page pools are listed with what they hold, in four bytes or in eight")
  func listsPagePools() throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in
      [
        pagePool(1, NetlinkBytes.attribute(2, UInt32(7)), NetlinkBytes.attribute(4, UInt32(5))),
        pagePool(
          1 << 40, NetlinkBytes.attribute(4, UInt64(1 << 33)),
          NetlinkBytes.attribute(6, UInt32(0)), NetlinkBytes.attribute(7, UInt32(42))),
        .done(),
      ]
    }
    let netdev = try Netdev(through: kernel)
    let pools = try netdev.pagePools()
    #expect(pools.map(\.id) == [1, 1 << 40])
    #expect(pools.map(\.interface) == [7, nil])
    #expect(pools.map(\.inFlight) == [5, 1 << 33])
    #expect(pools.map(\.isDetached) == [false, true])
    #expect(pools.map(\.binding) == [nil, 42])
  }

  @Test("what a driver counted for its RX queues is listed by queue")
  func readsStatistics() throws {
    var reading: UInt64 = 0
    let kernel = ScriptedNetdev.linux73.kernel { _ in
      reading += 1
      return [
        statistics(
          2, 0, NetlinkBytes.attribute(8, UInt64(1) << 40 + reading),
          NetlinkBytes.attribute(12, UInt32(5 * reading)), NetlinkBytes.attribute(99, UInt32(1))),
        statistics(2, 1, NetlinkBytes.attribute(10, UInt32(3))),
        statistics(0, 0, NetlinkBytes.attribute(9, UInt32(7))),
        .done(),
      ]
    }
    let netdev = try Netdev(through: kernel)
    let before = try netdev.receiveStatistics(ofInterface: 7)
    #expect(before.keys.sorted() == [0, 2])
    #expect(before[0] == QueueStatistics(bytes: 7))
    let after = try netdev.receiveStatistics(ofInterface: 7)
    let passed = try #require(after[2]).since(try #require(before[2]))
    #expect(passed == QueueStatistics(packets: 1, allocationFailures: 5))

    let request = try #require(kernel.requests.last)
    #expect(request.command == 12)
    #expect(try request.attributes.required(1) as UInt32 == 7)
    #expect(try request.attributes.required(4) as UInt32 == 1)
  }

  @Test("a driver that counts nothing is no failure")
  func lacksStatistics() throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in [.refused(EOPNOTSUPP)] }
    let netdev = try Netdev(through: kernel)
    #expect(try netdev.receiveStatistics(ofInterface: 7).isEmpty)
  }

  @Test("a binding is released once no queue and no page pool has it")
  func waitsForRelease() throws {
    var looks = 0
    let kernel = ScriptedNetdev.linux73.kernel { request in
      if request.command == UInt8(CLinux_NETDEV_CMD_QUEUE_GET.rawValue) {
        looks += 1
        return [queue(1, 0, NetlinkBytes.attribute(5, UInt32(looks < 2 ? 42 : 41))), .done()]
      }
      return [
        pagePool(3, NetlinkBytes.attribute(7, UInt32(looks < 3 ? 42 : 43))), .done(),
      ]
    }
    let netdev = try Netdev(through: kernel)
    try netdev.waitUntilReleased(42, ofInterface: 7, Wait().limited(to: .seconds(10)))
    #expect(looks == 3)
  }

  @Test("a stop ends the wait for a release")
  func stopsWaiting() throws {
    let kernel = ScriptedNetdev.linux73.kernel { request in
      request.command == UInt8(CLinux_NETDEV_CMD_QUEUE_GET.rawValue)
        ? [queue(1, 0, NetlinkBytes.attribute(5, UInt32(42))), .done()] : [.done()]
    }
    let netdev = try Netdev(through: kernel)
    let event = try Event()
    event.raise()
    let failure = failing { () throws(Failure) in
      try netdev.waitUntilReleased(42, ofInterface: 7, Wait(orStoppedBy: event.descriptor))
    }
    #expect(failure?.kind == .stopped)
  }

  @Test("what is not released in time is reported with what holds it")
  func givesUp() throws {
    let kernel = ScriptedNetdev.linux73.kernel { request in
      request.command == UInt8(CLinux_NETDEV_CMD_QUEUE_GET.rawValue)
        ? [queue(1, 0, NetlinkBytes.attribute(5, UInt32(42))), .done()]
        : [
          pagePool(
            3, NetlinkBytes.attribute(4, UInt32(12)), NetlinkBytes.attribute(7, UInt32(42))),
          .done(),
        ]
    }
    let netdev = try Netdev(through: kernel)
    let failure = failing { () throws(Failure) in
      try netdev.waitUntilReleased(42, ofInterface: 7, Wait(until: .now))
    }
    #expect(
      failure?.description
        == "cannot wait for the release of binding 42: queue 1 has it, page pool 3 waits for 12 buffers"
    )
  }

  @Test(
    "an answer that lacks its id, or has one of the wrong width, is no answer",
    arguments: [
      .message([]),
      .message(NetlinkBytes.attribute(1, UInt8(1)) + NetlinkBytes.attribute(3, UInt32(0))),
    ] as [ScriptedNetlink.Answer])
  func refusesMalformed(answer: ScriptedNetlink.Answer) throws {
    let kernel = ScriptedNetdev.linux73.kernel { _ in [answer, .done()] }
    let netdev = try Netdev(through: kernel)
    let queues = failing { () throws(Failure) in try netdev.queues(ofInterface: 7) }
    #expect(queues?.errno == .badMessage)
  }

  @Test("the kernel is asked once what the family supports, whatever follows")
  func asksOnce() throws {
    let kernel = ScriptedNetdev.linux73.kernel { request in
      request.command == UInt8(CLinux_NETDEV_CMD_QUEUE_GET.rawValue)
        ? [.done()] : [.bound(1), .acknowledged]
    }
    let netdev = try Netdev(through: kernel)
    #expect(kernel.requests.count == 1)
    let pipe = try Pipe()
    for _ in 0..<2 {
      _ = try netdev.bindReceive(
        3..<4, ofInterface: 7, named: "nic0", to: pipe.reader, as: ReceiveBinding.Options()
      ).id
      _ = try netdev.bindTransmit(interface: 7, named: "nic0", to: pipe.reader).id
      _ = try netdev.queues(ofInterface: 7)
    }
    #expect(kernel.requests.filter { $0.family == UInt16(GENL_ID_CTRL) }.count == 1)
    #expect(kernel.lookUpCount == 1)
    #expect(netdev.commands[13] == .owningNamespace)
    #expect(netdev.commands[15] == CommandPrivilege.none)
    #expect(netdev.commands[16] == nil)
  }

  @Test("a kernel without the netdev family is not supported")
  func needsFamily() {
    let failure = failing { () throws(Failure) in
      _ = try Netdev(through: ScriptedNetlink(families: ["nlctrl": 16]))
    }
    #expect(failure?.kind == .unsupported)
  }
}

private func queue(_ index: UInt32, _ type: UInt32, _ more: [UInt8]...) -> ScriptedNetlink.Answer {
  .message(
    NetlinkBytes.attribute(1, index) + NetlinkBytes.attribute(3, type) + more.flatMap(\.self),
    flags: Int(NLM_F_MULTI))
}

private func statistics(
  _ queue: UInt32, _ type: UInt32, _ more: [UInt8]...
) -> ScriptedNetlink.Answer {
  .message(
    NetlinkBytes.attribute(3, queue) + NetlinkBytes.attribute(2, type) + more.flatMap(\.self),
    flags: Int(NLM_F_MULTI))
}

private func pagePool(_ id: some FixedWidthInteger, _ more: [UInt8]...) -> ScriptedNetlink.Answer {
  .message(NetlinkBytes.attribute(1, id) + more.flatMap(\.self), flags: Int(NLM_F_MULTI))
}
