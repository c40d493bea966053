// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Where a device is in the machine.
package struct PCIPlace: Equatable, Sendable {
  /// The bridges from the root on, and the device.
  private let path: [Substring]
  /// The NUMA node; `nil` where the machine does not report one.
  private let node: Int?
  /// How far other nodes are from that, by number, as the firmware rates it.
  private let distances: [Int: Int]

  /// - Parameters:
  ///   - link: What sysfs calls the device, such as `/sys/class/net/eth0/device`.
  ///   - host: The files of the machine.
  /// - Returns: `nil` where that is no device.
  package init?(of link: String, on host: SystemFiles = SystemFiles()) {
    guard let components = host.resolved(link)?.split(separator: "/"),
      let root = components.firstIndex(where: { $0.hasPrefix("pci") })
    else { return nil }
    path = Array(components[root...])
    node = Self.node(of: components, downTo: root, on: host)
    distances = node.map { Self.distances(from: $0, on: host) } ?? [:]
  }

  /// The one of some devices that is nearest to another: in the same NUMA node or one not far from
  /// it, and then by the fewest bridges. The first one where several are equally near.
  package static func nearest(of places: [PCIPlace?], to target: PCIPlace?) -> Int? {
    places.indices.min {
      distance(from: target, to: places[$0]) < distance(from: target, to: places[$1])
    }
  }

  private static func distance(from: PCIPlace?, to: PCIPlace?) -> (Int, Int) {
    guard let from, let to else { return (.max, .max) }
    let shared = zip(from.path, to.path).prefix { $0 == $1 }.count
    let bridges = from.path.count + to.path.count - 2 * shared
    guard from.node != nil, let node = to.node else { return (.max, bridges) }
    return (from.distances[node] ?? .max, bridges)
  }

  /// What the device or the nearest bridge above it says.
  private static func node(
    of components: [Substring], downTo root: Int, on host: SystemFiles
  ) -> Int? {
    for end in stride(from: components.count, to: root, by: -1) {
      let path = "/" + components[..<end].joined(separator: "/") + "/numa_node"
      if let node = host.number(path) { return node < 0 ? nil : node }
    }
    return nil
  }

  private static func distances(from node: Int, on host: SystemFiles) -> [Int: Int] {
    let directory = "/sys/devices/system/node"
    // The columns are those of the nodes that are there, by number.
    let nodes = host.names(in: directory).compactMap { name in
      name.hasPrefix("node") ? Int(name.dropFirst(4)) : nil
    }.sorted()
    let values = host.numbers("\(directory)/node\(node)/distance")
    return Dictionary(uniqueKeysWithValues: zip(nodes, values))
  }
}
