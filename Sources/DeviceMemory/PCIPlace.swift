// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel

/// Where a device is in the machine.
package struct PCIPlace: Equatable, Sendable {
  /// The bridges from the root on, and the device.
  private let path: [Substring]
  /// The NUMA node; `nil` where the machine does not tell.
  private let node: Int?
  /// How far other nodes are from that, by number, as the firmware rates it.
  private let distances: [Int: Int]

  /// - Parameters:
  ///   - link: What sysfs calls the device, such as `/sys/class/net/eth0/device`.
  ///   - sysfs: Where sysfs is.
  /// - Returns: `nil` where that is no device.
  package init?(of link: String, sysfs: String = "/sys") {
    guard let resolved = unsafe realpath(link, nil) else { return nil }
    defer { unsafe free(resolved) }
    let components = unsafe String(cString: resolved).split(separator: "/")
    guard let root = components.firstIndex(where: { $0.hasPrefix("pci") }) else { return nil }
    path = Array(components[root...])
    node = Self.node(of: components, downTo: root)
    distances = node.map { Self.distances(from: $0, sysfs: sysfs) } ?? [:]
  }

  /// The one of some devices that is nearest to another: in the same NUMA node or one not far from
  /// it, and then by the fewest bridges. The first one where nothing tells them apart.
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
  private static func node(of components: [Substring], downTo root: Int) -> Int? {
    for end in stride(from: components.count, to: root, by: -1) {
      let path = "/" + components[..<end].joined(separator: "/") + "/numa_node"
      if let node = SystemFile.number(at: path) { return node < 0 ? nil : node }
    }
    return nil
  }

  private static func distances(from node: Int, sysfs: String) -> [Int: Int] {
    let directory = sysfs + "/devices/system/node"
    // The columns are those of the nodes that are there, by number.
    let nodes = SystemFile.names(in: directory).compactMap { name in
      name.hasPrefix("node") ? Int(name.dropFirst(4)) : nil
    }.sorted()
    guard let text = try? SystemFile.text(at: "\(directory)/node\(node)/distance") else {
      return [:]
    }
    let values = text.split(separator: " ").compactMap { Int($0) }
    return Dictionary(uniqueKeysWithValues: zip(nodes, values))
  }
}
