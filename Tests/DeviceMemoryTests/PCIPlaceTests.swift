// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import TestSupport
import Testing

struct PCIPlaceTests {
  /// A machine of two nodes, far from each other, with a switch in the first.
  private let host: Directory

  init() throws {
    host = try Directory()
    try host.write("10 32", to: "sys/devices/system/node/node0/distance")
    try host.write("32 10", to: "sys/devices/system/node/node1/distance")
    for (device, node) in [
      ("pci0000:00/0000:00:01.0/0000:01:00.0", "0"),
      ("pci0000:00/0000:00:01.0/0000:01:01.0", "0"),
      ("pci0000:00/0000:00:02.0", "0"), ("pci0000:80/0000:80:01.0", "1"),
      ("pci0000:40/0000:40:01.0", "-1"),
    ] {
      try host.write(node, to: "sys/devices/\(device)/numa_node")
    }
    try host.write("", to: "sys/devices/pci0000:80/0000:80:01.0/virtio0/vendor")
  }

  private func place(_ path: String) -> PCIPlace? {
    PCIPlace(of: "/sys/devices/" + path, on: host.files)
  }

  private func nearest(to target: String, of candidates: String...) -> Int? {
    PCIPlace.nearest(of: candidates.map { place($0) }, to: place(target))
  }

  @Test("a device that shares a bridge is nearer than one that shares the root")
  func prefersSharedBridge() {
    let nic = "pci0000:00/0000:00:01.0/0000:01:00.0"
    #expect(
      nearest(
        to: nic, of: "pci0000:80/0000:80:01.0", "pci0000:00/0000:00:02.0",
        "pci0000:00/0000:00:01.0/0000:01:01.0") == 2)
  }

  @Test("a device in the same node is nearer than one in another, which is nearer than nowhere")
  func prefersSameNode() {
    let nic = "pci0000:80/0000:80:01.0/virtio0"
    let same = "pci0000:80/0000:80:01.0"
    let other = "pci0000:00/0000:00:02.0"
    let unknown = "pci0000:40/0000:40:01.0"
    #expect(nearest(to: nic, of: unknown, other, same) == 2)
    #expect(nearest(to: nic, of: unknown, other) == 1)
  }

  @Test("the first device is taken where all are equally near")
  func takesFirst() {
    #expect(nearest(to: "nosuch", of: "pci0000:00/0000:00:02.0", "pci0000:80/0000:80:01.0") == 0)
    #expect(nearest(to: "pci0000:00/0000:00:02.0", of: "nosuch", "nosuch") == 0)
    #expect(nearest(to: "pci0000:00/0000:00:02.0") == nil)
  }
}
