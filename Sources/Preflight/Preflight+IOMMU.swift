// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Options

/// Whether an IOMMU stands between the NIC and the memory.
extension Preflight {
  /// Compares how addresses reach the NIC and the GPUs (`/sys/kernel/iommu_groups/N/type`): a GPU's
  /// memory need not be reachable through an IOMMU that translates, or only by way of the host.
  func iommu() -> Observation {
    guard let nic = iommuType(of: "/sys/class/net/\(interface.name)/device") else {
      return .ok("none for the NIC")
    }
    let seen = "the NIC's: \(nic)"
    guard isGPUMeant else { return .ok(seen) }
    let gpus = Set(
      files.names(in: "/sys/class/drm").compactMap {
        iommuType(of: "/sys/class/drm/\($0)/device")
      })
    let others = gpus.subtracting([nic]).sorted()
    if nic != Self.untranslated || !others.isEmpty {
      let types = others.isEmpty ? seen : "\(seen), GPUs': \(others.joined(separator: ", "))"
      return .warn(
        "\(types): the NIC may not reach the GPU's memory, or only by way of the host",
        do: "boot with iommu=pt, or let the NIC and the GPU be of one type (\(Self.untranslated))")
    }
    return .ok(seen)
  }

  /// The type of a device without translation: addresses go to the bus as they are.
  private static let untranslated = "identity"

  /// `DMA`, `DMA-FQ` or `identity`, as a rule; `nil` for a device that is behind no IOMMU.
  private func iommuType(of device: String) -> String? {
    guard let place = files.resolved("\(device)/iommu_group") else { return nil }
    return files.line("\(place)/type")
  }

  private var isGPUMeant: Bool {
    switch target.memory.kind {
    case .cuda, .drm: true
    case .udmabuf, .host, .heap, .descriptor: false
    }
  }
}
