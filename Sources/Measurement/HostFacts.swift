// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The properties of a host that a measurement depends on; `nil` for what it does not report.
package struct HostFacts: Equatable, Sendable {
  /// The kernel's release, such as `6.12.0`.
  package let kernel: String?
  /// The machine's architecture, such as `x86_64`.
  package let architecture: String?
  /// The first CPU's name.
  package let processor: String?
  /// The CPUs that are online, as the kernel lists them: `0-7`.
  package let onlineCPUs: String?
  /// The frequency governors of the workers' CPUs, each once.
  package let governors: [String]
  /// Whether CPUs may run faster than their nominal frequency.
  package let boosts: Bool?
  /// The NIC's PCI vendor and device, such as `0x15b3:0x101d`.
  package let nic: String?
  /// The NIC's NUMA node.
  package let numaNode: Int?

  /// - Parameter cpus: Those of the workers.
  package init(interface: String, cpus: [Int], files: SystemFiles = SystemFiles()) {
    let device = "/sys/class/net/\(interface)/device"
    let frequencies = "/sys/devices/system/cpu"
    kernel = files.line("/proc/sys/kernel/osrelease")
    architecture = files.line("/proc/sys/kernel/arch")
    // The first CPU's lines come first.
    processor = files.field("model name", of: "/proc/cpuinfo")
    onlineCPUs = files.line("/sys/devices/system/cpu/online")
    governors = Set(
      cpus.compactMap { files.line("\(frequencies)/cpu\($0)/cpufreq/scaling_governor") }
    ).sorted()
    let boost = files.line("\(frequencies)/cpufreq/boost").map { $0 == "1" }
    boosts = boost ?? files.line("\(frequencies)/intel_pstate/no_turbo").map { $0 == "0" }
    let identity = [files.line(device + "/vendor"), files.line(device + "/device")]
      .compactMap { $0 }
    nic = identity.count == 2 ? identity.joined(separator: ":") : nil
    numaNode = files.line(device + "/numa_node").flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 }
  }

  /// The CPUs of an interface's NUMA node, where it has one.
  package static func cpus(near interface: String, files: SystemFiles = SystemFiles()) -> [Int]? {
    files.line("/sys/class/net/\(interface)/device/local_cpulist").flatMap { CPUList($0)?.cpus }
  }

  var json: JSONObject {
    var object = JSONObject()
    object.add("kernel", kernel)
    object.add("architecture", architecture)
    object.add("processor", processor)
    object.add("online_cpus", onlineCPUs)
    object.add("cpu_governors", governors)
    object.add("cpu_boost", boosts)
    object.add("nic_pci_id", nic)
    object.add("nic_numa_node", numaNode)
    return object
  }
}
