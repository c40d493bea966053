// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Glibc
import Kernel
import Netdev
import Options
import Preflight
import TestSupport
import Testing

struct SettingFindingTests {
  private let host = ScriptedHost()

  @Test(
    "header split is a ring parameter or a private flag; a driver that reports neither may have it"
  )
  func headerSplit() throws {
    let files = try Directory()
    host.nic.split = 0
    #expect(try host.look(files)["header-split"]?.verdict == .unknown)
    host.nic.privateFlagNames = ["enable-header-split"]
    #expect(try host.look(files)["header-split"]?.seen.hasPrefix("by a private flag") == true)
    host.nic.split = 2
    #expect(try host.look(files)["header-split"] == Observation(.ok, "tcp-data-split is on"))
    host.nic.threshold = 100
    #expect(try host.look(files)["hds-thresh"]?.seen == "100; a run sets it to 0")
  }

  @Test("flow rules must be there, be switchable and have room")
  func flowRules() throws {
    let files = try Directory()
    #expect(try host.look(files)["ntuple"]?.verdict == .ok)
    host.nic.ntuple.isAvailable = false
    #expect(try host.look(files)["ntuple"]?.verdict == .missing)
    host.nic.ntuple.isActive = true
    #expect(try host.look(files)["ntuple"]?.verdict == .ok)
    host.nic.ruleSlots = 1
    host.nic.rules = [0: ([UInt8](repeating: 0, count: 168), 0)]
    let full = try host.look(files)["ntuple"]
    #expect(full?.seen == "all 1 flow rules are in use")
    #expect(full?.verdict == .missing)
    host.nic.missingCommands = [ETHTOOL_GRXCLSRLCNT: EOPNOTSUPP]
    #expect(try host.look(files)["ntuple"]?.verdict == .missing)
  }

  @Test("other RSS contexts must not use the queues to be bound")
  func contexts() throws {
    let files = try Directory()
    host.nic.contexts = [1: [0, 1], 2: [2, 3]]
    let found = try host.look(files)["rss-contexts"]
    #expect(found?.verdict == .missing)
    #expect(found?.seen == "context 2 sends to queues to be bound")
    let elsewhere = try host.look(files) { $0.queues = 1..<2 }["rss-contexts"]
    #expect(elsewhere?.seen == "context 1 sends to queues to be bound")
    host.nic.contexts = [1: [0, 1]]
    #expect(try host.look(files)["rss-contexts"]?.verdict == .ok)
  }

  @Test("a flow rule that leads to a queue to be bound is in the way, and is named")
  func otherRules() throws {
    let files = try Directory()
    #expect(try host.look(files)["other-rules"]?.seen == "none for these queues")
    var rule = [UInt8](repeating: 0, count: 168)
    rule[152] = 3
    rule[160] = 9
    host.nic.rules = [9: (rule, 0)]
    let found = try host.look(files)["other-rules"]
    #expect(found?.verdict == .missing)
    #expect(found?.seen == "rule 9 sends to queue 3")
    #expect(found?.remedy?.hasSuffix("ethtool -N nic0 delete 9") == true)
    #expect(try host.look(files) { $0.queues = 1..<2 }["other-rules"]?.verdict == .ok)
  }

  @Test("a NIC without an RSS table cannot be kept from the bound queues")
  func spread() throws {
    let files = try Directory()
    #expect(try host.look(files)["rss"]?.seen.contains("moves off") == true)
    host.nic.table = [0, 1, 2, 0]
    #expect(try host.look(files)["rss"]?.seen.contains("none for the queues") == true)
    host.nic.missingCommands = [ETHTOOL_GRSSH: EOPNOTSUPP]
    #expect(try host.look(files)["rss"]?.verdict == .missing)
  }

  @Test("a udmabuf must hold what is to be bound")
  func udmabuf() throws {
    let files = try Directory()
    #expect(try host.look(files)["udmabuf-limit"]?.verdict == .ok)
    try files.write("64\n", to: "sys/module/udmabuf/parameters/size_limit_mb")
    #expect(try host.look(files)["udmabuf-limit"]?.verdict == .ok)
    let large = try host.look(files) { $0.memory.byteCount! += 1 }["udmabuf-limit"]
    #expect(large?.verdict == .missing)
    #expect(large?.remedy?.hasPrefix("write 65 to /sys/module/udmabuf") == true)
    let other = try host.look(files) {
      $0.memory.byteCount! += 1
      $0.memory.kind = .heap("system")
    }
    #expect(other["udmabuf-limit"]?.verdict == .ok)
  }

  @Test("memory of a name that the host does not have is missing")
  func namedMemory() throws {
    let files = try Directory()
    let heap = try host.look(files) { $0.memory.kind = .heap("no such heap") }
    #expect(heap["memory-heap:no such heap"]?.verdict == .missing)
    #expect(
      try host.look(files) { $0.memory.kind = .descriptor(Descriptor(5)) }["memory-fd:5"]?.verdict
        == .missing)
    try files.link("proc/self/fd/5", to: "/dmabuf:")
    #expect(
      try host.look(files) { $0.memory.kind = .descriptor(Descriptor(5)) }["memory-fd:5"]?.verdict
        == .ok)
  }

  @Test("huge pages must hold what is to be bound in large buffers")
  func hugePages() throws {
    let files = try Directory()
    #expect(try host.look(files)["huge-pages"]?.verdict == .warn)
    #expect(
      try host.look(files) { $0.binding.rxPageSize = 16384 }["huge-pages"]?.verdict == .missing)
    let pool = "sys/kernel/mm/hugepages/hugepages-2048kB/"
    try files.write("64\n", to: pool + "nr_hugepages")
    try files.write("31\n", to: pool + "free_hugepages")
    let few = try host.look(files) { $0.binding.rxPageSize = 16384 }["huge-pages"]
    #expect(few?.seen.hasPrefix("31 of 64 of 2 MiB free") == true)
    #expect(few?.verdict == .missing)
    try files.write("32\n", to: pool + "free_hugepages")
    #expect(try host.look(files) { $0.binding.rxPageSize = 16384 }["huge-pages"]?.verdict == .ok)
    #expect(
      try host.look(files) { $0.memory.kind = .udmabuf(.huge2MiB) }["huge-pages"]?.verdict == .ok)
    let large = try host.look(files) { $0.memory.kind = .udmabuf(.huge1GiB) }["huge-pages"]
    #expect(large?.verdict == .missing)
    #expect(
      large?.remedy?.hasPrefix("echo 1 >/sys/kernel/mm/hugepages/hugepages-1048576kB") == true)
  }

  @Test("a packet's payload that exceeds the NIC's buffers is reported with a size that holds it")
  func packetSize() throws {
    let files = try Directory()
    host.mtu = 9000
    let found = try host.look(files)["mtu"]
    #expect(found?.verdict == .warn)
    #expect(found?.remedy == "run with -b 16384")
    #expect(try host.look(files) { $0.binding.rxPageSize = 16384 }["mtu"]?.verdict == .ok)
    host.mtu = 1500
    #expect(try host.look(files)["mtu"]?.verdict == .ok)
  }

  @Test("limits of sockets that are too small for a fast link are reported")
  func socketLimits() throws {
    let files = try Directory()
    #expect(try host.look(files)["receive-buffer"]?.verdict == .warn)
    try files.write("4096\t131072\t6291456\n", to: "proc/sys/net/ipv4/tcp_rmem")
    try files.write("212992\n", to: "proc/sys/net/core/rmem_max")
    try files.write("131072\n", to: "proc/sys/net/core/optmem_max")
    let found = try host.look(files)
    #expect(
      found["receive-buffer"]
        == Observation(.ok, "tcp_rmem up to 6291456 bytes, rmem_max 212992"))
    #expect(found["option-memory"]?.verdict == .ok)
    try files.write("4096\t131072\t262144\n", to: "proc/sys/net/ipv4/tcp_rmem")
    try files.write("20480\n", to: "proc/sys/net/core/optmem_max")
    let small = try host.look(files)
    #expect(small["receive-buffer"]?.verdict == .warn)
    #expect(small["option-memory"]?.remedy == "sysctl -w net.core.optmem_max=131072")
  }

  @Test("the limit of locked memory is read")
  func lockedMemory() throws {
    let files = try Directory()
    try files.write(
      """
      Limit                     Soft Limit           Hard Limit           Units
      Max processes             7823                 7823                 processes
      Max locked memory         8388608              8388608              bytes
      """, to: "proc/self/limits")
    let found = try host.look(files)["memlock"]
    #expect(found?.seen == "8388608 bytes; device memory is not counted as locked")
  }
}
