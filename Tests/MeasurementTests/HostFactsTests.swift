// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import TestSupport
import Testing

struct HostFactsTests {
  private let directory: Directory

  init() throws { directory = try Directory() }

  /// What a host with these files is like, to workers on CPUs 0 to 2.
  private func facts(_ files: [String: String]) throws -> HostFacts {
    for (name, text) in files { try directory.write(text, to: name) }
    return HostFacts(interface: "eth1", cpus: [0, 1, 2], files: directory.files)
  }

  @Test("a host that reports nothing has nothing")
  func readsNothing() throws {
    let facts = try facts([:])
    #expect(facts.kernel == nil && facts.architecture == nil && facts.processor == nil)
    #expect(facts.onlineCPUs == nil && facts.governors.isEmpty && facts.boosts == nil)
    #expect(facts.nic == nil && facts.numaNode == nil)
    #expect(HostFacts.cpus(near: "eth1", files: directory.files) == nil)
  }

  @Test("kernel, processor and CPUs are read")
  func readsHost() throws {
    let facts = try facts([
      "proc/sys/kernel/osrelease": "7.3.0-rc1+\n", "proc/sys/kernel/arch": "aarch64\n",
      "proc/cpuinfo":
        "processor\t: 0\nmodel\t\t: 1\nmodel name\t: A CPU\n\nmodel name\t: Another\n",
      "sys/devices/system/cpu/online": "0-3,8\n",
    ])
    #expect(facts.kernel == "7.3.0-rc1+")
    #expect(facts.architecture == "aarch64")
    #expect(facts.processor == "A CPU")
    #expect(facts.onlineCPUs == "0-3,8")
  }

  @Test("each governor of the workers' CPUs is named once")
  func readsGovernors() throws {
    let facts = try facts([
      "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil\n",
      "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n",
      "sys/devices/system/cpu/cpu2/cpufreq/scaling_governor": "schedutil\n",
      "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor": "powersave\n",
    ])
    #expect(facts.governors == ["performance", "schedutil"])
  }

  @Test(
    "whether CPUs may run faster is read of either driver",
    arguments: [
      ("cpufreq/boost", "1\n", true), ("cpufreq/boost", "0\n", false),
      ("intel_pstate/no_turbo", "1\n", false), ("intel_pstate/no_turbo", "0\n", true),
    ])
  func readsBoost(name: String, text: String, boosts: Bool) throws {
    #expect(try facts(["sys/devices/system/cpu/" + name: text]).boosts == boosts)
  }

  @Test("the NIC's identity and place are read, if it has them")
  func readsNIC() throws {
    let device = "sys/class/net/eth1/device/"
    #expect(try facts([device + "vendor": "0x15b3\n"]).nic == nil)
    #expect(try facts([device + "device": "0x101d\n"]).nic == "0x15b3:0x101d")
    // No node: the kernel says -1.
    #expect(try facts([device + "numa_node": "-1\n"]).numaNode == nil)
    #expect(try facts([device + "numa_node": "1\n"]).numaNode == 1)
  }

  @Test("workers go to the CPUs near the NIC")
  func placesWorkers() throws {
    let list = "sys/class/net/eth1/device/local_cpulist"
    try directory.write("4-6,8\n", to: list)
    let near = HostFacts.cpus(near: "eth1", files: directory.files)
    #expect(near == [4, 5, 6, 8])
    #expect(
      WorkerPlacement.choose(4, from: Array(0..<10), near: near, interrupted: [4])
        == [5, 6, 8, 0])
    #expect(HostFacts.cpus(near: "eth0", files: directory.files) == nil)
    try directory.write("4\n", to: "proc/irq/31/effective_affinity_list")
    try directory.write("6-7\n", to: "proc/irq/32/effective_affinity_list")
    let taken = WorkerPlacement.cpus(interruptedBy: [31, 32, 99], files: directory.files)
    #expect(taken == [4, 6, 7])
    #expect(
      WorkerPlacement.choose(2, from: Array(0..<10), near: near, interrupted: taken) == [5, 8])
    try directory.write("\n", to: list)
    #expect(HostFacts.cpus(near: "eth1", files: directory.files) == nil)
  }
}
