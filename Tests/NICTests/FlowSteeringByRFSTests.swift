// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import NIC
import TestSupport
import Testing

struct FlowSteeringByRFSTests {
  private let nic = ScriptedNIC()
  private let directory: Directory

  init() throws {
    directory = try Directory()
    nic.ntuple.isActive = true
    try set(entries: 32768, counts: [2048, 0, 4096])
  }

  private func set(entries: Int?, counts: [Int]) throws {
    if let entries {
      try directory.write("\(entries)\n", to: "proc/sys/net/core/rps_sock_flow_entries")
    }
    for (queue, count) in counts.enumerated() {
      try directory.write("\(count)\n", to: "sys/class/net/nic0/queues/rx-\(queue)/rps_flow_cnt")
    }
    try directory.write("0\n", to: "sys/class/net/nic0/queues/tx-7/rps_flow_cnt")
  }

  private func queues() throws -> Set<UInt32> {
    var interface = try nic.interface()
    return try interface.queuesOfFlowSteering(in: directory.files)
  }

  @Test("RFS steers to the queues that have a table")
  func findsQueues() throws { #expect(try queues() == [0, 2]) }

  @Test("without the feature, a table for all, or a second queue's table RFS steers nothing")
  func needsAll() throws {
    nic.ntuple.isActive = false
    #expect(try queues() == [])
    nic.ntuple.isActive = true
    try set(entries: 0, counts: [])
    #expect(try queues() == [])
    try set(entries: 1, counts: [0, 0, 1])
    #expect(try queues() == [])
  }

  @Test("a host that has no RFS has no warning")
  func noFiles() throws {
    var interface = try nic.interface()
    #expect(try interface.queuesOfFlowSteering(in: try Directory().files) == [])
  }

  @Test("the warning is about a queue to be bound, and names what to write where")
  func warns() throws {
    var interface = try nic.interface()
    #expect(try interface.warningOfFlowSteering(to: [1], in: directory.files) == nil)
    let warning = try interface.warningOfFlowSteering(to: [1, 2], in: directory.files)
    #expect(warning?.contains("to queue 2 of nic0") == true)
    #expect(warning?.contains("echo 0 > /sys/class/net/nic0/queues/rx-2/rps_flow_cnt") == true)
  }
}
