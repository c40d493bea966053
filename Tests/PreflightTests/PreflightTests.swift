// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import NIC
import Netdev
import Options
import Preflight
import TestSupport
import Testing

struct PreflightTests {
  private let host = ScriptedHost()

  @Test("a host that has all lacks only the proof of a bind, and nothing was written")
  func ready() throws {
    host.nic.threshold = 0
    host.nic.ntuple.isActive = true
    let found = try host.look(Directory())
    // Where memory comes from is this machine's own.
    let other = found.filter { !$0.key.hasPrefix("memory-") && $0.key != "queue-management" }
    #expect(other.values.allSatisfy { $0.verdict != .missing && $0.verdict != .unknown })
    for item in ["bind-rx", "bind-tx", "rx-page-size", "privilege", "link"] {
      #expect(found[item]?.verdict == .ok, "\(item)")
    }
    #expect(found["queue-management"]?.verdict == .unknown)
    #expect(found["queue-management"]?.remedy == "add --probe")
    #expect(found["channels"]?.seen == "RX queues: 4 of at most 8, queue 3 to be bound")
    #expect(host.nic.log.isEmpty)
  }

  @Test("an older kernel lacks what it lacks")
  func kernels() throws {
    let files = try Directory()
    host.netdev = .linux611
    let before = try host.look(files)
    #expect(before["bind-rx"]?.verdict == .missing)
    #expect(before["queue-management"]?.verdict == .missing)
    host.netdev = .linux612
    let first = try host.look(files)
    #expect(first["bind-rx"]?.verdict == .ok)
    #expect(first["bind-tx"]?.verdict == .warn)
    #expect(first["bind-tx"]?.remedy?.contains("6.16") == true)
    #expect(first["rx-page-size"]?.verdict == .warn)
    let large = try host.look(files) { $0.binding.rxPageSize = 16384 }
    #expect(large["rx-page-size"]?.verdict == .missing)
  }

  @Test("the token mode that a run asks for must be there")
  func tokenModes() throws {
    let files = try Directory()
    #expect(try host.look(files) { $0.binding.autorelease = true }["token-mode"]?.verdict == .ok)
    #expect(
      try host.look(files) { $0.binding.autorelease = false }["token-mode"]?.verdict == .missing)
    host.netdev = .lab
    let found = try host.look(files) { $0.binding.autorelease = false }["token-mode"]
    #expect(found == Observation(.ok, "tokens are kept by binding or by socket (attribute 6)"))
    let other = try host.look(files) { $0.binding.autoreleaseAttribute = 5 }
    #expect(other["token-mode"]?.verdict == .missing)
    #expect(other["bind-rx"]?.verdict == .ok)
  }

  @Test(
    "a bind that is refused only for its memory does not prove that the driver restarts a queue",
    arguments: [
      (EBADF, EOPNOTSUPP, .unknown), (EBADF, EBADF, .unknown), (EOPNOTSUPP, EOPNOTSUPP, .missing),
      (EPERM, EPERM, .unknown), (EEXIST, EBADF, .missing),
    ] as [(CInt, CInt, Observation.Verdict)])
  func queueManagement(nic: CInt, loopback: CInt, verdict: Observation.Verdict) throws {
    host.bind = { _, interface in .refused(interface == 1 ? loopback : nic) }
    #expect(try host.look(Directory())["queue-management"]?.verdict == verdict)
  }

  @Test("memory in a queue proves that the driver restarts queues, but for the first one")
  func restartedQueue() throws {
    let files = try Directory()
    host.claims = [1: NetlinkBytes.attribute(5, UInt32(42))]
    #expect(try host.look(files)["queue-management"]?.verdict == .ok)
    let first = try host.look(files) { $0.queues = 0..<1 }["queue-management"]
    #expect(first?.verdict == .unknown)
    #expect(first?.seen.contains("cannot restart queue 0") == true)
    host.nic.driver = "gve"
    let known = try host.look(files) { $0.queues = 0..<1 }["queue-management"]
    #expect(
      known == Observation(.missing, "this driver cannot restart queue 0", do: "choose others (-t)")
    )
    host.nic.driver = "scripted"
    host.claims = [1: NetlinkBytes.nest(6)]
    #expect(try host.look(files)["queue-management"]?.verdict == .ok)
    // What an AF_XDP socket or a lease has needs no restart.
    for claim in [NetlinkBytes.nest(7), ScriptedHost.lease(of: 1, to: 9)] {
      host.claims = [1: claim]
      #expect(try host.look(files)["queue-management"]?.verdict == .unknown)
    }
  }

  @Test("a refusal with the privilege at hand is not put down to privilege")
  func refusedWithPrivilege() throws {
    host.bind = { _, _ in .refused(EPERM) }
    let found = try host.look(Directory())["queue-management"]
    #expect(found?.remedy == nil)
    host.privileges = Privileges(administersNetwork: false, own: .initial, owner: .initial)
    #expect(try host.look(Directory())["queue-management"]?.remedy == "see privilege")
  }

  @Test("buffers of a given size need a bind to be known")
  func bufferSize() throws {
    let files = try Directory()
    #expect(try host.look(files)["rx-page-size"]?.verdict == .ok)
    let found = try host.look(files) { $0.binding.rxPageSize = 16384 }["rx-page-size"]
    #expect(found?.verdict == .unknown)
    #expect(Preflight.provenByBind.contains("rx-page-size"))
  }

  @Test("a kernel without words for a refusal only names the attribute, and that is not shown")
  func refusalWithoutWords() throws {
    let offset = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_OFFS.rawValue), UInt32(20))
    let text = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_MSG.rawValue), "attribute is of no use")
    for (details, seen) in [
      ([], "bind-rx does not accept the interface"),
      (offset, "bind-rx does not accept the interface"),
      (text, "bind-rx refuses: attribute is of no use"),
      (text + offset, "bind-rx refuses: attribute is of no use (attribute 1 at byte 20)"),
    ] as [([UInt8], String)] {
      host.bind = { _, _ in .refused(EOPNOTSUPP, details) }
      #expect(try host.look(Directory())["queue-management"]?.seen == seen)
    }
  }

  @Test("a kernel that binds what is not there is not to be relied on")
  func bindsNothing() throws {
    host.bind = { _, _ in .acknowledged }
    let found = try host.look(Directory())["queue-management"]
    #expect(found?.verdict == .unknown)
    #expect(found?.seen.contains("bound memory that is not there") == true)
  }

  @Test(
    "a driver that cannot send is reported with the kernel's words, and can still receive")
  func sendsNot() throws {
    host.bind = { command, interface in
      command == UInt8(CLinux_NETDEV_CMD_BIND_TX.rawValue)
        ? .refused(EOPNOTSUPP, text: "no netmem TX") : .refused(interface == 1 ? EOPNOTSUPP : EBADF)
    }
    let found = try host.look(Directory())
    #expect(found["bind-tx"]?.verdict == .warn)
    #expect(found["bind-tx"]?.seen == "no sending: no netmem TX")
    #expect(found["queue-management"]?.verdict == .unknown)
  }

  @Test(
    "privilege is what bind-rx demands, in the user namespace where it demands it",
    arguments: [
      (.linux73, true, .initial, .initial, .ok),
      (.linux73, false, .initial, .initial, .missing),
      (.linux73, true, .other(5), .other(5), .ok),
      (.linux73, true, .other(5), nil, .missing),
      (.linux73, true, .initial, .other(5), .ok),
      (.linux72, true, .other(5), .other(5), .missing),
      (.linux72, true, .initial, .initial, .ok),
    ]
      as [(
        ScriptedNetdev, Bool, Privileges.Namespace?, Privileges.Namespace?, Observation.Verdict
      )])
  func privilege(
    netdev: ScriptedNetdev, administers: Bool, own: Privileges.Namespace?,
    owner: Privileges.Namespace?, verdict: Observation.Verdict
  ) throws {
    host.netdev = netdev
    host.privileges = Privileges(administersNetwork: administers, own: own, owner: owner)
    #expect(try host.look(Directory())["privilege"]?.verdict == verdict)
  }

  @Test("this process's privileges can be read")
  func ownPrivileges() {
    let privileges = Privileges()
    #expect(privileges.own != nil)
  }
}
