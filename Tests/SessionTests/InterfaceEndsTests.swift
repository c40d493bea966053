// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Netlink
import Session
import TestSupport
import Testing

struct InterfaceEndsTests {
  private static let failed = Failure("probe", on: "eth", errno: .networkDown)
  private static let unsupported = Failure("bind", reason: "no queues", kind: .unsupported)
  private static let vanished = Failure("find", on: "eth", errno: .noDevice, kind: .usage)

  @Test(
    "what failed on one interface counts for more than what could not be done on another",
    arguments: [
      ([], 0), ([nil, nil], 0), ([nil, failed], 1), ([unsupported, nil], 4),
      ([unsupported, failed, nil], 1), ([nil, unsupported, vanished], 1),
    ] as [([Failure?], Int32)])
  func counts(failures: [Failure?], status: Int32) {
    var ends = InterfaceEnds()
    for (number, failure) in failures.enumerated() {
      ends.add("eth\(number)", failure, Document(by: "tool", role: "probe", options: JSONObject()))
    }
    #expect(ends.failure(to: "receive on all of")?.exitStatus() ?? 0 == status)
  }

  @Test("the failure names all interfaces, and what is the matter with which")
  func names() {
    var ends = InterfaceEnds()
    let part = Document(by: "tool", role: "check", options: JSONObject())
    ends.add("eth0", Failure("receive on", on: "eth0", reason: "missing: link"), part)
    ends.add("eth1", nil, part)
    ends.add("eth2", Self.failed, part)
    #expect(
      ends.failure(to: "receive on all of")?.line == """
        cannot receive on all of eth0, eth1, eth2: eth0: missing: link; \
        eth2: cannot probe eth: ENETDOWN (Network is down)
        """)
  }

  @Test("one document has an entry for each interface, with what was found on it")
  func documents() throws {
    var document = Document(by: "tool 1", role: "probe", options: JSONObject())
    var ends = InterfaceEnds()
    for (name, failure) in [("eth0", nil), ("eth1", Self.vanished), ("eth2", Self.unsupported)] {
      var part = document.part()
      part.carrierChanges = 2
      var figures = JSONObject()
      figures.add("supported", failure == nil)
      part.report(figures)
      ends.add(name, failure, part)
    }
    document.report(ends)
    let failure = try #require(ends.failure(to: "receive on all of"))
    let text = try JSON(document.text(failure: failure, status: failure.exitStatus()))
    #expect(try Schema("interfaces.json").problems(of: text) == [])
    #expect(text["schema"]?.string == "ncdevmem-interfaces-1")
    #expect(text["exit_status"] == .integer(1))
    let entries = try #require(text["interfaces"]).elements
    #expect(entries.map { $0["interface"]?.string } == ["eth0", "eth1", "eth2"])
    #expect(entries.map { $0["verdict"]?.string } == ["ok", "failed", "unsupported"])
    #expect(entries.map { $0["exit_status"] } == [.integer(0), .integer(1), .integer(4)])
    #expect(entries.map { $0["supported"] } == [.truth(true), .truth(false), .truth(false)])
    #expect(entries.allSatisfy { $0["carrier_changes"] == .integer(2) })
    #expect(entries[0]["failure"] == .null)
    #expect(entries[1]["failure"]?["errno"]?.string == "ENODEV")
  }

  @Test("all interfaces are those that have a device beneath them, by their indices")
  func listsDevices() throws {
    let host = ScriptedStack([
      (7, ScriptedStack.link("eth1", device: "0000:01:00.1")),
      (1, ScriptedStack.link("lo")),
      (3, ScriptedStack.link("bond0", kind: "bond")),
      (2, ScriptedStack.link("eth0", of: 3, masterKind: "bond", device: "0000:01:00.0")),
      (9, ScriptedStack.link("nk0", kind: "netkit")),
    ])
    var route = try host.route()
    #expect(try route.stack().namesOfDevices() == ["eth0", "eth1"])
    var bare = try ScriptedStack([(1, ScriptedStack.link("lo"))]).route()
    let stack = try bare.stack()
    let failure = failing { () throws(Failure) in _ = try stack.namesOfDevices() }
    #expect(failure?.exitStatus() == 4)
    #expect(failure?.reason == "none of this network namespace has a device")
  }
}
