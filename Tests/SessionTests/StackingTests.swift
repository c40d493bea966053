// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Netlink
import Preflight
import Session
import TestSupport
import Testing

struct StackingTests {
  /// Two ports, a bond of them with a VLAN on it, a third NIC with a VLAN, and one in a VRF.
  private let host = ScriptedStack([
    (2, ScriptedStack.link("eth0", of: 4, masterKind: "bond")),
    (3, ScriptedStack.link("eth1", of: 4, masterKind: "bond")),
    (4, ScriptedStack.link("bond0", kind: "bond")),
    (5, ScriptedStack.link("bond0.7", kind: "vlan", on: 4)),
    (6, ScriptedStack.link("eth2")),
    (7, ScriptedStack.link("eth2.7", kind: "vlan", on: 6)),
    // The other end of a pair is nothing that it stands on.
    (8, ScriptedStack.link("veth0", kind: "veth", on: 6)),
    (9, ScriptedStack.link("red", kind: "vrf")),
    (10, ScriptedStack.link("eth3", of: 9, masterKind: "vrf")),
  ])
  private let peer = IPAddress("192.0.2.2")!

  private func stacking(_ name: String) -> Stacking { Stacking(of: name, through: host) }

  @Test(
    "an interface on others names them where it cannot receive",
    arguments: [
      ("bond0", "bond0 is a bond of eth0, eth1", "run with -f eth0 or -f eth1, "),
      ("bond0.7", "bond0.7 is a vlan on bond0", "run with -f eth0 or -f eth1, "),
      ("eth2.7", "eth2.7 is a vlan on eth2", "run with -f eth2, "),
    ])
  func namesPorts(name: String, reason: String, hint: String) throws {
    let failure = failing { () throws(Failure) in
      try stacking(name).explaining { () throws(Failure) in
        throw Failure(
          "read the channels of", on: name, errno: .notSupported, reason: "said so",
          kind: .unsupported)
      }
    }
    #expect(failure?.reason == "said so; \(reason)")
    #expect(failure?.hint?.hasPrefix(hint) == true)
    #expect(failure?.hint?.hasSuffix("may stay on \(name)") == true)
    #expect(failure?.exitStatus() == 4)
    let finding = stacking(name).finding
    #expect(finding?.item == "stacking")
    #expect(finding?.observation.verdict == .missing)
    #expect(finding?.observation.seen == reason)
    #expect(finding?.observation.remedy == failure?.hint)
    let sending = stacking(name).explain(bind: Failure("bind", errno: .notSupported))
    #expect(sending.reason == reason)
    #expect(sending.hint?.contains("outside of \(name), and run with -f eth") == true)
  }

  @Test("a failure of another kind, and of an interface on no other, stays as it is")
  func leavesOthers() throws {
    for name in ["eth0", "eth2", "veth0", "red", "none"] {
      let failure = stacking(name).explain(bind: Failure("bind", errno: .notSupported))
      #expect(failure.reason == nil && failure.hint == nil && failure.kind == .failed)
      #expect(stacking(name).finding == nil)
    }
    #expect(stacking("bond0").explain(bind: Failure("bind", errno: .busy)).reason == nil)
    // What could not be undone is a failure on a bond, too, and not to be skipped.
    let undo = failing { () throws(Failure) in
      try stacking("bond0").explaining { () throws(Failure) in
        throw Failure("restore the RSS table of", on: "bond0", errno: .notSupported)
      }
    }
    #expect(undo?.reason == nil && undo?.exitStatus() == 1)
  }

  @Test("a port of a bond is refused before anything is sent, one of a VRF is not")
  func refusesPort() throws {
    host.routeInterface = 2
    host.routedInterfaces = [2, 10]
    let failure = failing { () throws(Failure) in
      try stacking("eth0").checkSending(to: peer, from: nil)
    }
    #expect(failure?.exitStatus() == 4)
    #expect(failure?.reason?.contains("a port of the bond bond0") == true)
    #expect(failure?.hint?.contains("ip link set eth0 nomaster") == true)
    try stacking("eth3").checkSending(to: peer, from: nil)
  }

  @Test("a peer behind a VLAN is refused unless the NIC has a route of its own")
  func refusesVLAN() throws {
    host.routeInterface = 7
    let failure = failing { () throws(Failure) in
      try stacking("eth2").checkSending(to: peer, from: peer)
    }
    #expect(failure?.exitStatus() == 4)
    #expect(failure?.reason?.contains("leaves by eth2.7, a vlan on eth2") == true)
    host.routedInterfaces = [6]
    try stacking("eth2").checkSending(to: peer, from: nil)
    host.routedInterfaces = []
    // A route by an interface that has nothing to do with it, or none, is the connection's matter.
    for route in [UInt32(6), 3, nil] {
      host.routeInterface = route
      try stacking("eth2").checkSending(to: peer, from: nil)
    }
  }

  @Test("a connection that fails names the interface that the route leaves by")
  func explainsConnection() throws {
    host.routeInterface = 3
    let timedOut = Failure("connect to", on: "peer", errno: .timedOut)
    func hint(_ failure: Failure, of name: String) -> String? {
      stacking(name).explain(connect: failure, to: peer, from: nil).hint
    }
    #expect(
      hint(timedOut, of: "eth2") == "the route to 192.0.2.2 leaves by eth1, not by eth2 (-f)")
    #expect(hint(timedOut, of: "eth1") == nil)
    #expect(hint(Failure("connect to", errno: .connectionReset), of: "eth2") == nil)
    host.routeInterface = nil
    #expect(hint(timedOut, of: "eth2") == nil)
  }
}
