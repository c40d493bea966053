// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import TestSupport
import Testing

struct QueueChoiceTests {
  private let nic = ScriptedNIC()

  @Test(
    "where the command line names no queues, the last one or the upper half is chosen",
    arguments: [(2, 1..<2, 1..<2), (4, 3..<4, 2..<4), (5, 4..<5, 2..<5)]
      as [(UInt32, Range<UInt32>, Range<UInt32>)])
  func presets(count: UInt32, last: Range<UInt32>, upperHalf: Range<UInt32>) throws {
    nic.queueCount = count
    var interface = try nic.interface()
    #expect(try interface.chooseQueues(nil, otherwise: .last) == last)
    #expect(try interface.chooseQueues(nil, otherwise: .upperHalf) == upperHalf)
  }

  @Test("the queues that the command line names are taken, all of them included")
  func wanted() throws {
    var interface = try nic.interface()
    #expect(try interface.chooseQueues(1..<3, otherwise: .last) == 1..<3)
    #expect(try interface.chooseQueues(0..<4, otherwise: .last) == 0..<4)
  }

  @Test("the first queue of gve is refused, and no other, nor that of another driver")
  func firstOfGVE() throws {
    nic.driver = "gve"
    var interface = try nic.interface()
    for queues in [0..<1, 0..<4] as [Range<UInt32>] {
      let failure = failing { () throws(Failure) in
        try interface.chooseQueues(queues, otherwise: .last)
      }
      #expect(failure?.kind == .unsupported)
      #expect(failure?.reason == "this driver cannot restart queue 0")
    }
    #expect(try interface.chooseQueues(1..<4, otherwise: .last) == 1..<4)
    #expect(try interface.chooseQueues(nil, otherwise: .upperHalf) == 2..<4)
    nic.driver = "bnxt_en"
    var other = try nic.interface()
    #expect(try other.chooseQueues(0..<1, otherwise: .last) == 0..<1)
  }

  @Test("queues that are not there are the command line's fault")
  func beyond() throws {
    var interface = try nic.interface()
    let failure = failing { () throws(Failure) in
      try interface.chooseQueues(3..<5, otherwise: .last)
    }
    #expect(failure?.kind == .usage)
    #expect(failure?.reason == "-t 3 -q 2 go beyond its last, 3")
  }

  @Test(
    "an interface with one queue is not supported, for other traffic needs one",
    arguments: 0...1 as ClosedRange<UInt32>)
  func oneQueue(count: UInt32) throws {
    nic.queueCount = count
    var interface = try nic.interface()
    let failure = failing { () throws(Failure) in
      try interface.chooseQueues(nil, otherwise: .upperHalf)
    }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.reason == "it has \(count), and one must stay for other traffic")
  }

  @Test("a device that does not report its queues is taken at the command line's word")
  func unreported() throws {
    for command in [ETHTOOL_GRXRINGS, ETHTOOL_GCHANNELS] {
      nic.missingCommands[command] = EOPNOTSUPP
    }
    var interface = try nic.interface()
    #expect(try interface.chooseQueues(7..<9, otherwise: .last) == 7..<9)
    let failure = failing { () throws(Failure) in
      try interface.chooseQueues(nil, otherwise: .last)
    }
    #expect(failure?.errno == .notSupported)
  }

  @Test("queues that were dropped for the header split are named, or others chosen")
  func dropped() throws {
    var interface = try nic.interface()
    #expect(try interface.chooseQueuesLeft(nil, of: 3..<4, otherwise: .last) == 3..<4)
    nic.queueCount = 2
    #expect(try interface.chooseQueuesLeft(nil, of: 3..<4, otherwise: .last) == 1..<2)
    #expect(try interface.chooseQueuesLeft(1..<2, of: 1..<2, otherwise: .last) == 1..<2)
    let failure = failing { () throws(Failure) in
      try interface.chooseQueuesLeft(2..<4, of: 2..<4, otherwise: .last)
    }
    #expect(
      failure?.reason == "the driver has dropped queue 3 for the header split, and has 2 left")
  }

  @Test("a driver that waits for memory is known by its name", arguments: [true, false])
  func leastMemory(isMellanox: Bool) throws {
    if isMellanox { nic.driver = "mlx5_core" }
    #expect(try nic.interface().leastMemoryPerQueue == (isMellanox ? 1 << 20 : nil))
  }

  @Test("the other queues stay for other traffic, and there must be one")
  func others() throws {
    var interface = try nic.interface()
    #expect(try interface.queues(besides: [1, 2]) == [0, 3])
    let failure = failing { () throws(Failure) in try interface.queues(besides: [0, 1, 2, 3]) }
    #expect(failure?.kind == .usage)
  }
}
