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
import Transfer

struct SettingFindingTests {
  private let host = ScriptedHost()

  @Test(
    "header split is a ring parameter or a private flag; a driver that reports neither may have it"
  )
  func headerSplit() throws {
    let files = try Directory()
    host.nic.split = 0
    #expect(try host.look(files)["header-split"]?.verdict == .unknown)
    #expect(try host.look(files)["header-split"]?.seen.contains("rx-gro-hw") == false)
    host.nic.hardwareGRO.isAvailable = true
    let off = try host.look(files)["header-split"]
    #expect(off?.verdict == .unknown)
    #expect(off?.seen.contains("rx-gro-hw is off, and a run switches it on") == true)
    #expect(try host.look(files)["gro"] == Observation(.ok, "on; in hardware (rx-gro-hw) off"))
    host.nic.hardwareGRO.isActive = true
    #expect(try host.look(files)["header-split"]?.seen.contains("rx-gro-hw") == false)
    #expect(try host.look(files)["gro"] == Observation(.ok, "on; in hardware (rx-gro-hw) on"))
    host.nic.privateFlagNames = ["enable-header-split"]
    #expect(try host.look(files)["header-split"]?.seen.hasPrefix("by a private flag") == true)
    host.nic.split = 2
    #expect(
      try host.look(files)["header-split"]
        == Observation(.ok, "the driver reports tcp-data-split on; a run configures it"))
    host.nic.threshold = 100
    #expect(try host.look(files)["hds-thresh"]?.seen == "100; a run sets it to 0")
  }

  @Test("a check for sockets is about the NIC only where queues are named, and about no memory")
  func looksAheadToSockets() throws {
    let files = try Directory()
    let items = try host.look(files, for: { $0.engine = .socket }).keys
    #expect(items.contains("link") && items.contains("mtu"))
    for item in ["bind-rx", "privilege", "ntuple", "header-split", "udmabuf-limit", "af-xdp"] {
      #expect(!items.contains(item))
    }
    for (engine, splits) in [(Engine.socket, false), (.zerocopySocket, true)] {
      let items = try host.look(
        files,
        for: {
          $0.engine = engine
          $0.queues = 1..<2
        }
      ).keys
      #expect(items.contains("ntuple") && items.contains("rss") && items.contains("privilege"))
      #expect(items.contains("header-split") == splits)
      #expect(!items.contains("bind-rx") && !items.contains("memlock"))
    }
  }

  @Test("a check for a ring asks for io_uring, and for no binding")
  func looksAheadToRings() throws {
    let found = try host.look(
      try Directory(),
      for: {
        $0.engine = .zcrx
        $0.memory.kind = .host(nil)
      })
    #expect(found["io-uring"] != nil)
    #expect(found["memory-host"]?.verdict == .ok)
    for item in ["link", "header-split", "ntuple", "privilege", "memlock"] {
      #expect(found[item] != nil, "\(item)")
    }
    for item in ["bind-rx", "bind-tx", "rx-page-size", "token-mode"] {
      #expect(found[item] == nil, "\(item)")
    }
  }

  @Test("a driver that may copy short payload is warned of; bnxt and gve leave it alone")
  func copybreak() throws {
    let files = try Directory()
    #expect(try host.look(files)["copybreak"] == Observation(.ok, "none"))
    host.nic.copybreak = 0
    #expect(try host.look(files)["copybreak"] == Observation(.ok, "none"))
    host.nic.copybreak = 256
    let copied = try host.look(files)["copybreak"]
    #expect(copied?.verdict == .warn)
    #expect(copied?.seen.hasPrefix("rx-copybreak 256: ") == true)
    #expect(copied?.remedy == "ethtool --set-tunable nic0 rx-copybreak 0")
    host.nic.driver = "gve"
    #expect(try host.look(files)["copybreak"]?.verdict == .ok)
  }

  @Test("flow rules must be there, be switchable and have room")
  func flowRules() throws {
    let files = try Directory()
    #expect(try host.look(files)["ntuple"]?.verdict == .unknown)
    #expect(try host.look(files)["ntuple"]?.seen.contains("a run switches it on") == true)
    host.nic.ntuple.isRequested = true
    let kept = try host.look(files)["ntuple"]
    #expect(kept?.verdict == .unknown)
    #expect(kept?.seen.contains("the driver keeps it off") == true)
    host.nic.ntuple.isAvailable = false
    let fixed = try host.look(files)["ntuple"]
    #expect(fixed?.verdict == .unknown)
    #expect(fixed?.seen.contains("cannot be switched") == true)
    #expect(Preflight.provenByRule.contains("ntuple"))
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

  @Test("ordinary memory that the host cannot give is missing")
  func availableMemory() throws {
    let files = try Directory()
    #expect(try host.look(files)["available-memory"]?.verdict == .ok)
    try files.write("MemAvailable:  65535 kB\nSwapFree: 1 kB\n", to: "proc/meminfo")
    let enough = try host.look(files)["available-memory"]
    #expect(enough?.verdict == .ok && enough?.seen == "64 MiB to be bound, 64 MiB available")
    for kind in [MemoryKind.udmabuf(nil), .udmabuf(.base), .host(nil), .heap("system")] {
      let large = try host.look(files) {
        $0.memory.byteCount! += 1
        $0.memory.kind = kind
      }["available-memory"]
      #expect(large?.verdict == .missing)
      #expect(large?.remedy?.contains("--memory-size") == true)
    }
    let others = [
      MemoryKind.udmabuf(.huge2MiB), .host(.huge2MiB), .heap("other"), .drm(.any), .cuda(nil),
    ]
    for kind in others {
      let other = try host.look(files) {
        $0.memory.byteCount! += 1
        $0.memory.kind = kind
      }["available-memory"]
      #expect(other?.verdict == .ok)
    }
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
    #expect(found?.remedy?.hasPrefix("run with -b 16384, where the driver") == true)
    #expect(try host.look(files) { $0.binding.rxPageSize = 16384 }["mtu"]?.verdict == .ok)
    host.netdev = .linux72
    #expect(try host.look(files)["mtu"]?.remedy == "use Linux 7.3")
    host.nic.bufferSize = 2048
    let small = try host.look(files)["mtu"]
    #expect(small?.seen.contains("buffers of 2048") == true)
    #expect(small?.remedy?.hasPrefix("ethtool -G nic0 rx-buf-len 4096") == true)
    host.nic.bufferSize = 4096
    #expect(try host.look(files)["mtu"]?.verdict == .warn)
    #expect(try host.look(files)["mtu"]?.remedy == nil)
    host.mtu = 1500
    #expect(try host.look(files)["mtu"]?.verdict == .ok)
  }

  @Test("RFS is in the way where the NIC may steer flows of its own to a queue to be bound")
  func flowSteering() throws {
    let files = try Directory()
    #expect(try host.look(files)["arfs"]?.verdict == .ok)
    host.nic.ntuple.isActive = true
    try files.write("32768\n", to: "proc/sys/net/core/rps_sock_flow_entries")
    for queue in [1, 3] {
      try files.write("4096\n", to: "sys/class/net/nic0/queues/rx-\(queue)/rps_flow_cnt")
    }
    let found = try host.look(files)["arfs"]
    #expect(found?.verdict == .warn)
    #expect(found?.remedy == "echo 0 >/sys/class/net/nic0/queues/rx-3/rps_flow_cnt")
    #expect(try host.look(files) { $0.queues = 2..<3 }["arfs"]?.verdict == .ok)
    host.nic.ntuple.isActive = false
    #expect(try host.look(files)["arfs"]?.verdict == .ok)
  }

  @Test("memory that the rings take at once is too little")
  func ringMemory() throws {
    let files = try Directory()
    #expect(try host.look(files)["ring-memory"]?.verdict == .ok)
    // 512 entries of 4096 bytes, for each of two queues.
    let few = try host.look(files) {
      $0.memory.byteCount = 4 << 20 - 4096
      $0.queues = 2..<4
    }["ring-memory"]
    #expect(few?.verdict == .ok)
    let small = try host.look(files) {
      $0.memory.byteCount = 2 << 20 - 4096
      $0.queues = 2..<4
    }["ring-memory"]
    #expect(small?.verdict == .warn)
    #expect(small?.remedy?.hasPrefix("--memory-size 4M") == true)
    host.nic.bufferSize = 16384
    #expect(
      try host.look(files) { $0.memory.byteCount = 3 << 20 }["ring-memory"]?.verdict == .warn)
  }

  @Test("an IOMMU that translates is reported where a GPU's memory is meant")
  func iommu() throws {
    let files = try Directory()
    #expect(try host.look(files)["iommu"]?.seen == "none for the NIC")
    let device = "sys/devices/pci0000:00/0000:00:03.0"
    try files.write("", to: "\(device)/uevent")
    try files.link("sys/class/net/nic0/device", to: "../../../devices/pci0000:00/0000:00:03.0")
    try files.link("\(device)/iommu_group", to: "../../../kernel/iommu_groups/4")
    try files.write("DMA-FQ\n", to: "sys/kernel/iommu_groups/4/type")
    #expect(try host.look(files)["iommu"] == Observation(.ok, "the NIC's: DMA-FQ"))
    let gpu = try host.look(files) { $0.memory.kind = .cuda(nil) }["iommu"]
    #expect(gpu?.verdict == .warn)
    #expect(gpu?.remedy?.hasPrefix("boot with iommu=pt") == true)
    try files.write("identity\n", to: "sys/kernel/iommu_groups/4/type")
    #expect(try host.look(files) { $0.memory.kind = .cuda(nil) }["iommu"]?.verdict == .ok)
    let card = "sys/class/drm/card0/device"
    try files.write("", to: "\(card)/uevent")
    try files.link("\(card)/iommu_group", to: "../../../../kernel/iommu_groups/5")
    try files.write("DMA\n", to: "sys/kernel/iommu_groups/5/type")
    let differing = try host.look(files) { $0.memory.kind = .drm(.any) }["iommu"]
    #expect(differing?.verdict == .warn)
    #expect(differing?.seen.contains("GPUs': DMA") == true)
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
