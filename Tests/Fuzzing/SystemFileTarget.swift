// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Glibc
import Kernel
import Measurement
import TestSupport

/// What procfs and sysfs may say, read by what reads it as texts. The first byte chooses the reader.
@Sendable func readSystemFiles(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  switch input.byte() % 8 {
  case 0...2: try readCPUTimes(&input)
  case 3, 4: try readCPUList(&input)
  case 5:
    let files = try Files.write([Files.any, Files.processors], from: &input)
    let facts = HostFacts(interface: "eth0", cpus: [0], files: files)
    try require(facts.numaNode.map { $0 >= 0 } ?? true, "a NUMA node below 0")
    _ = HostFacts.cpus(near: "eth0", files: files)
  case 6:
    let files = try Files.write([Files.any, Files.distance], from: &input)
    let place = PCIPlace(of: "/sys/class/net/eth0/device", on: files)
    _ = PCIPlace.nearest(of: [place, nil, place], to: place)
  default:
    let files = try Files.write([Files.any], from: &input)
    _ = (files.number(Files.any), files.numbers(Files.any), files.line(Files.any))
    _ = files.field("model name", of: Files.any)
  }
}

private func readCPUTimes(_ input: inout Input) throws(Finding) {
  let (earlier, later) = (CPUTimes.parse(input.text()), CPUTimes.parse(input.text()))
  for (cpu, times) in later {
    guard let before = earlier[cpu], let idle = times.idleHundredths(since: before) else {
      continue
    }
    try require((0...10000).contains(idle), "\(idle) hundredths of a percent are idle")
  }
}

private func readCPUList(_ input: inout Input) throws(Finding) {
  let list = input.text()
  guard let cpus = CPUList(list)?.cpus else { return }
  try require(Set(cpus).count == cpus.count, "\(list) names a CPU twice")
  try require(cpus.allSatisfy { (0..<CPUList.limit).contains($0) }, "\(list) is out of bounds")
}

/// Files in the places of those of procfs and sysfs that the tool reads, made once for each process.
private enum Files {
  private static let device = "/sys/devices/pci0000:00/0000:00:01.0"
  /// Most files are this one.
  static let any = device + "/numa_node"
  static let distance = "/sys/devices/system/node/node1/distance"
  static let processors = "/proc/cpuinfo"

  nonisolated(unsafe) private static var directory: Directory? = {
    atexit { unsafe Files.directory = nil }
    return try? make()
  }()

  private static func make() throws(Errno) -> Directory {
    let directory = try Directory()
    for path in [any, distance, processors] {
      try directory.write("", to: String(path.dropFirst()))
    }
    let cpus = "sys/devices/system/cpu/"
    for name in [
      "\(device.dropFirst())/vendor", "\(device.dropFirst())/device",
      "\(device.dropFirst())/local_cpulist", cpus + "online", cpus + "cpufreq/boost",
      cpus + "cpu0/cpufreq/scaling_governor", "proc/sys/kernel/osrelease",
    ] {
      try directory.link(name, to: directory.path + any)
    }
    try directory.link("sys/class/net/eth0/device", to: directory.path + device)
    return directory
  }

  /// Gives some files their contents.
  static func write(_ paths: [String], from input: inout Input) throws(Finding) -> SystemFiles {
    guard let directory = unsafe directory else { throw Finding(description: "no files") }
    for path in paths {
      do throws(Errno) {
        let file = try OwnedDescriptor(opening: directory.path + path, .readingAndWriting)
        try retrying { ftruncate(file.rawValue, 0) }
        _ = try file.borrowed.write(input.piece())
      } catch {
        throw Finding(description: "\(path): \(error.text)")
      }
    }
    return directory.files
  }
}
