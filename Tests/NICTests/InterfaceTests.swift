// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import Netlink
import TestSupport
import Testing

struct InterfaceTests {
  private let nic = ScriptedNIC()

  @Test("an unknown name is reported as such")
  func unknownName() {
    let failure = failing { () throws(Failure) in
      let interface = try Interface(named: "no-such-if")
      return interface.index
    }
    #expect(failure?.kind == .usage)
    #expect(failure?.description.hasPrefix("cannot find the interface no-such-if: ENODEV") == true)
  }

  @Test("a name is found among those of all interfaces, or is reported as unknown")
  func ownName() throws {
    #expect(try Interface.ownName(of: "lo") == "lo")
    let unknown = String(repeating: "n", count: 40)
    let failure = failing { () throws(Failure) in try Interface.ownName(of: unknown) }
    #expect(failure?.kind == .usage)
    #expect(failure?.hint?.contains("`ip link`") == true)
  }

  @Test("the running kernel's loopback can be read")
  func loopback() throws {
    var loopback = try Interface(named: "lo")
    #expect(loopback.index == 1)
    let state = try loopback.state()
    #expect(state.features.contains { $0.name == "loopback" && $0.isActive && !$0.isAvailable })
    #expect(state.rss == nil)
  }

  @Test("messages name a renamed interface by its present name")
  func renamed() throws {
    let interface = try nic.interface()
    nic.name = "nic1"
    #expect(interface.name == "nic1")
    #expect(interface.subject == "nic1 (driver scripted)")
  }

  @Test("a driver that does not report its name is unknown")
  func unknownDriver() throws {
    nic.missingCommands[ETHTOOL_GDRVINFO] = EOPNOTSUPP
    #expect(try nic.interface().subject == "nic0 (driver unknown)")
  }

  @Test("receive queues are counted by rings, or else by channels", arguments: [true, false])
  func queues(hasRings: Bool) throws {
    if !hasRings { nic.missingCommands[ETHTOOL_GRXRINGS] = EOPNOTSUPP }
    nic.queueCount = 6
    var interface = try nic.interface()
    #expect(try interface.receiveQueueCount == 6)
  }

  @Test("a driver that says it has more of something than any has is not believed")
  func implausibleCounts() throws {
    var interface = try Interface(behind: FillingDevice())
    // Together they are more than 32 bits hold.
    var channels = try Interface(behind: FillingDevice(lacking: ETHTOOL_GRXRINGS))
    let failures = [
      failing { () throws(Failure) in _ = try interface.receiveQueueCount },
      failing { () throws(Failure) in _ = try channels.receiveQueueCount },
      failing { () throws(Failure) in _ = try interface.rss() },
      failing { () throws(Failure) in _ = try interface.flowRules() },
      failing { () throws(Failure) in _ = try interface.features() },
      failing { () throws(Failure) in _ = try interface.privateFlags() },
    ]
    for failure in failures {
      #expect(failure?.errno == .outOfRange)
      #expect(failure?.reason?.hasPrefix("the driver says that it has ") == true)
    }
  }

  @Test("channels are resized in the kind that the driver has")
  func channels() throws {
    var interface = try nic.interface()
    let before = try interface.channels()
    #expect(before.combined == 4)
    try interface.setChannels(before.resized(to: 1))
    #expect(nic.log == ["channels [0, 0, 0, 1]"])
    nic.refusals = [("channels", EINVAL)]
    let failure = failing { () throws(Failure) in try interface.setChannels(before) }
    #expect(failure?.errno == .invalidArgument)
    #expect(failure?.reason == "refused by the script")
    var separate = before
    separate.maximumCombined = 0
    let resized = separate.resized(to: 2)
    #expect([resized.combined, resized.receive, resized.transmit] == [0, 2, 2])
  }

  @Test("a state differs by what differs, and says so in one line")
  func states() throws {
    nic.privateFlagNames = ["one", "two"]
    nic.privateFlags = 2
    nic.threshold = 5
    nic.contexts = [1: [3]]
    var interface = try nic.interface()
    let before = try interface.state()
    #expect(
      before.description == """
        feature rx-gro
        tcp-data-split disabled
        hds-thresh 5
        rx ring 256
        tx ring 512
        channels combined 4
        channels rx 0
        channels tx 0
        channels other 0
        rss table 0 1 2 3 0 1 2 3
        rss key 01020304
        rss function 1 transform 0
        rss context 1 table 3
        private flag two
        """)
    #expect(try interface.state() == before)
    nic.key[3] = 5
    #expect(try interface.state() != before)
    nic.ntuple = (true, false, true)
    let lines = try interface.state().description.split(separator: "\n")
    #expect(lines.first == "feature rx-ntuple-filter (not requested)")
    #expect(lines.contains("rss key 01020305"))
  }

  @Test("what a driver does not have is absent from its state")
  func bareDriver() throws {
    for command in [ETHTOOL_GCHANNELS, ETHTOOL_GRSSH, ETHTOOL_GRXCLSRLCNT] {
      nic.missingCommands[command] = EOPNOTSUPP
    }
    var interface = try nic.interface()
    let state = try interface.state()
    #expect(state.channels == nil)
    #expect(state.rss == nil)
    #expect(state.rules == nil)
  }
}

/// A driver whose every answer is nothing but ones.
private final class FillingDevice: EthtoolDevice {
  private let missing: CInt?

  init(lacking missing: CInt? = nil) { self.missing = missing }

  func perform(_ request: inout [UInt8]) throws(Errno) -> CInt {
    if let missing, try UInt32(wire: request[0..<4]) == UInt32(missing) { throw .notSupported }
    for place in 4..<request.count { request[place] = 0xff }
    return 0
  }
}
