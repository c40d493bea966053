// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// What a host is like, as far as a measurement depends on it; `nil` for what it does not tell.
struct HostFacts {
  let kernel: String?
  let architecture: String?
  let processor: String?
  let onlineCPUs: String?
  /// The frequency governors of the workers' CPUs, each once.
  let governors: [String]
  /// Whether CPUs may run faster than their nominal frequency.
  let boosts: Bool?
  /// The NIC's PCI vendor and device, such as `0x15b3:0x101d`.
  let nic: String?
  let numaNode: Int?

  /// - Parameter cpus: Those of the workers.
  init(interface: String, cpus: [Int]) {
    let device = "/sys/class/net/\(interface)/device"
    let frequencies = "/sys/devices/system/cpu"
    kernel = line(of: "/proc/sys/kernel/osrelease")
    architecture = line(of: "/proc/sys/kernel/arch")
    processor = Self.processor
    onlineCPUs = line(of: "/sys/devices/system/cpu/online")
    governors = Set(
      cpus.compactMap { line(of: "\(frequencies)/cpu\($0)/cpufreq/scaling_governor") }
    ).sorted()
    let boost = line(of: "\(frequencies)/cpufreq/boost").map { $0 == "1" }
    boosts = boost ?? line(of: "\(frequencies)/intel_pstate/no_turbo").map { $0 == "0" }
    let identity = [line(of: device + "/vendor"), line(of: device + "/device")].compactMap { $0 }
    nic = identity.count == 2 ? identity.joined(separator: ":") : nil
    numaNode = line(of: device + "/numa_node").flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 }
  }

  /// The CPUs of an interface's NUMA node, where it has one.
  static func cpus(near interface: String) -> [Int]? {
    line(of: "/sys/class/net/\(interface)/device/local_cpulist").flatMap { CPUList($0)?.cpus }
  }

  private static var processor: String? {
    // The first CPU's lines come first.
    let name = text(of: "/proc/cpuinfo")?.split(separator: "\n")
      .first { $0.hasPrefix("model name") }?.split(separator: ":", maxSplits: 1).last
    return name.map { String($0.drop { $0 == " " }) }
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

private func text(of path: String) -> String? {
  do throws(Errno) { return try SystemFile.text(at: path) } catch { return nil }
}

/// The first line of a file; `nil` if there is none.
private func line(of path: String) -> String? {
  text(of: path)?.split(separator: "\n").first.map(String.init)
}
