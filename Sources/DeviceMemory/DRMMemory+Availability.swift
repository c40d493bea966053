// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel

extension DRMMemory {
  /// The host's DRM devices that export memory, or why there is none.
  package static var availability: [MemoryAvailability] {
    let library: DRMLibrary
    let nodes: [String]
    do throws(Failure) {
      library = try DRMLibrary()
      nodes = try primaryNodes()
    } catch {
      return [
        MemoryAvailability("drm", .missing, seen: error.reason ?? "no libdrm", remedy: error.hint)
      ]
    }
    let found = nodes.compactMap { node in
      let name = "drm:" + node
      guard
        let device = try? OwnedDescriptor(
          owning: retrying { unsafe open(node, O_RDWR | O_CLOEXEC) })
      else { return MemoryAvailability(name, device: node, limits: []) }
      let driver = library.driver(of: device) ?? "unknown"
      guard library.exports(device) else { return nil }
      return MemoryAvailability(
        name, .ready, seen: "\(node) (driver \(driver))", limits: ["less than 4 GiB"])
    }
    guard found.isEmpty else { return found }
    return [
      MemoryAvailability(
        "drm", .missing, seen: "no DRM device that exports memory", remedy: remedy)
    ]
  }
}
