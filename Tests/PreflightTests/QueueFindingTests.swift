// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import Netdev
import Options
import Preflight
import Recovery
import TestSupport
import Testing

struct QueueFindingTests {
  private let host = ScriptedHost()

  @Test("one queue must be left, and the queues named must be there")
  func channels() throws {
    let files = try Directory()
    #expect(try host.look(files) { $0.queues = 2..<4 }["channels"]?.verdict == .ok)
    #expect(try host.look(files) { $0.queues = 3..<5 }["channels"]?.verdict == .missing)
    #expect(try host.look(files) { $0.queues = 0..<4 }["channels"]?.verdict == .missing)
    host.nic.queueCount = 1
    let found = try host.look(files)["channels"]
    #expect(
      found
        == Observation(
          .missing, "RX queues: 1, and one must stay for other traffic",
          do: "ethtool -L nic0 combined N"))
    host.nic.hasCombinedChannels = false
    #expect(try host.look(files)["channels"]?.remedy == "ethtool -L nic0 rx N")
    host.nic.missingCommands = [ETHTOOL_GCHANNELS: EOPNOTSUPP]
    let fixed = try host.look(files)["channels"]
    #expect(fixed?.verdict == .missing)
    #expect(fixed?.remedy == nil)
    host.nic.missingCommands = [:]
    host.nic.queueCount = 8
    #expect(try host.look(files) { $0.queues = 0..<8 }["channels"]?.remedy == nil)
  }

  @Test(
    "a queue that is in use counts only if the run would bind it",
    arguments: [
      ("bound-queues", NetlinkBytes.attribute(5, UInt32(42)), "queue 3 has binding 42"),
      ("bound-queues", NetlinkBytes.nest(6), "queue 3 belongs to io_uring"),
      (
        "bound-queues", ScriptedHost.lease(of: 1, to: 123456),
        "queue 3 is leased to the virtual device interface 123456, as its queue 1"
      ),
      (
        "bound-queues", ScriptedHost.lease(of: 1, to: 9, elsewhere: true),
        "queue 3 is leased to a virtual device in another network namespace, as its queue 1"
      ),
      ("af-xdp", NetlinkBytes.nest(7), "on queue 3"),
    ] as [(String, [UInt8], String)])
  func claimedQueues(item: String, claim: [UInt8], seen: String) throws {
    let files = try Directory()
    host.claims = [3: claim]
    let found = try host.look(files)
    #expect(found[item]?.verdict == .missing)
    #expect(found[item]?.seen.hasPrefix(seen) == true)
    let elsewhere = try host.look(files) { $0.queues = 1..<2 }[item]
    #expect(elsewhere?.verdict == .ok)
    #expect(elsewhere?.seen.hasPrefix(seen) == true)
  }

  @Test("a virtual interface lacks only what a run with -n needs, and is asked for its own queue")
  func leased() throws {
    let files = try Directory()
    host.nic.driver = "netkit"
    host.nic.hasRings = false
    host.nic.queueCount = 2
    host.nic.missingCommands = [
      ETHTOOL_GRXRINGS: EOPNOTSUPP, ETHTOOL_GCHANNELS: EOPNOTSUPP, ETHTOOL_GRSSH: EOPNOTSUPP,
      ETHTOOL_GRXCLSRLCNT: EOPNOTSUPP,
    ]
    host.bindQueue = { queue in queue == 1 ? .refused(EBADF) : .refused(EOPNOTSUPP, text: "no DMA")
    }
    host.leases = [3: ScriptedHost.lease(of: 1, to: 7)]
    let found = try host.look(files) { $0.queues = 1..<2 }
    let lacking = found.filter { $0.value.verdict == .missing && !$0.key.hasPrefix("memory-") }
    #expect(lacking.isEmpty)
    #expect(found["queue-management"]?.verdict == .unknown)
    #expect(found["header-split"]?.verdict == .unknown)
    #expect(found["ntuple"]?.verdict == .ok)
    #expect(
      found["channels"]?.seen
        == "RX queues: 2, queue 1 stands for queue 3 of interface 12345, queue 1 to be bound")
    let unnamed = try host.look(files)
    #expect(unnamed["channels"]?.verdict == .missing)
    #expect(unnamed["channels"]?.remedy == "name a leased queue: -t 1 -q 1")
    let first = try host.look(files) { $0.queues = 0..<1 }
    #expect(first["queue-management"]?.remedy == "name a leased queue: -t N -q 1")
    #expect(first["queue-management"]?.seen.contains("no DMA") == true)
    #expect(try host.look(files) { $0.queues = 2..<3 }["channels"]?.verdict == .missing)
    host.leases = [:]
    let elsewhere = try host.look(files) { $0.queues = 1..<2 }["channels"]
    #expect(elsewhere?.seen.contains("another network namespace") == true)
  }

  @Test("a binding's holder is a process with a netlink socket and a dma-buf")
  func holders() throws {
    host.claims = [3: NetlinkBytes.attribute(5, UInt32(42))]
    let files = try Directory()
    #expect(
      try host.look(files)["bound-queues"]?.seen.hasSuffix("that cannot be seen from here") == true)
    try files.link("proc/self", to: "99")
    try files.write(
      """
      sk               Eth Pid        Groups   Rmem Wmem Dump Locks Drops Inode
      0000000000000000 0   1          00000000 0    0    0    2     0     700
      0000000000000000 16  2          00000000 0    0    0    2     0     701
      0000000000000000 16  3          00000000 0    0    0    2     0     702
      """, to: "proc/99/net/netlink")
    // Itself; one without memory; one with another protocol's socket; and the one that is meant.
    try files.link("proc/99/fd/3", to: "socket:[702]")
    try files.link("proc/99/fd/4", to: "/dmabuf:")
    try files.link("proc/100/fd/3", to: "socket:[702]")
    try files.link("proc/101/fd/3", to: "socket:[700]")
    try files.link("proc/101/fd/4", to: "/dmabuf:")
    try files.link("proc/102/fd/3", to: "socket:[701]")
    try files.link("proc/102/fd/4", to: "/dmabuf:name")
    try files.write("ncdevmem\n", to: "proc/102/comm")
    let one = try host.look(files)["bound-queues"]?.seen
    #expect(one == "queue 3 has binding 42, held by pid 102 (ncdevmem)")
    try files.link("proc/100/fd/4", to: "/dmabuf:")
    let two = try host.look(files)["bound-queues"]?.seen
    #expect(two == "queue 3 has binding 42, held by one of pid 100 (?), pid 102 (ncdevmem)")
  }

  @Test("another run has the interface, or has left it changed")
  func otherRun() throws {
    let files = try Directory()
    #expect(try host.look(files)["other-run"] == Observation(.ok, "none has the interface"))
    let here = try Host.current()
    let name = Journal.name(on: here, interface: 7)
    try files.write("", to: "run/\(name)")
    #expect(try host.look(files)["other-run"]?.verdict == .ok)
    var interface = try host.nic.interface()
    let record = Record(owner: getpid(), host: here, device: try interface.identity())
    do {
      let directory = try RuntimeDirectory(at: files.path + "/run")
      var journal = try Journal(named: name, in: directory, creating: false)
      try journal.begin(record)
      let found = try host.look(files)["other-run"]
      #expect(found?.verdict == .missing)
      #expect(found?.seen == "another run, pid \(getpid()), has the interface")
    }
    let left = try host.look(files)["other-run"]
    #expect(left?.verdict == .warn)
    #expect(left?.remedy == "ncdevmem --restore -f nic0")
  }

  @Test("pools that wait for device memory of an ended binding are reported")
  func pagePools() throws {
    let pool = NetlinkBytes.attribute(1, UInt32(9)) + NetlinkBytes.attribute(4, UInt32(5))
    let isBound = NetlinkBytes.attribute(7, UInt32(42))
    host.pools = [.message(pool + isBound), .message(pool + NetlinkBytes.attribute(6, UInt32(1)))]
    #expect(try host.look(Directory())["page-pools"]?.verdict == .ok)
    host.pools.append(.message(pool + isBound + NetlinkBytes.attribute(6, UInt32(1))))
    let found = try host.look(Directory())["page-pools"]
    #expect(found?.verdict == .warn)
    #expect(found?.seen == "of ended bindings, pool 9 waits for 5 buffers")
  }

  @Test(
    "an XDP program is in the way in each of its modes",
    arguments: [(1, "xdpdrv"), (2, "xdpgeneric"), (3, "xdpoffload"), (4, "xdp")]
      as [(UInt8, String)])
  func xdp(mode: UInt8, option: String) throws {
    host.xdp =
      NetlinkBytes.attribute(IFLA_XDP_ATTACHED, mode)
      + NetlinkBytes.attribute(IFLA_XDP_PROG_ID, UInt32(33))
    let found = try host.look(Directory())["xdp"]
    #expect(found?.verdict == .missing)
    #expect(found?.seen.hasPrefix("program 33 ") == true)
    #expect(found?.remedy == "ip link set nic0 \(option) off")
    host.xdp = NetlinkBytes.attribute(IFLA_XDP_ATTACHED, UInt8(0))
    #expect(try host.look(Directory())["xdp"]?.verdict == .ok)
  }

  @Test(
    "an interface without a carrier can have a run, unless it is of a kind that does not report it",
    arguments: 0...6 as ClosedRange<UInt8>)
  func operation(state: UInt8) throws {
    host.operation = state
    let verdict = try host.look(Directory())["link"]?.verdict
    #expect(verdict == ([0, 5, 6].contains(state) ? .ok : .warn))
  }

  @Test("an interface must be up, whatever its carrier", arguments: [0, 6] as [UInt8])
  func down(state: UInt8) throws {
    host.operation = state
    host.linkFlags = 0
    let found = try host.look(Directory())["link"]
    #expect(found?.verdict == .missing)
    #expect(found?.remedy == "ip link set nic0 up")
  }
}
