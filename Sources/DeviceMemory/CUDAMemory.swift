// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Memory of an NVIDIA GPU. The CPU reads and writes a copy of it: see `DeviceBuffer`.
package struct CUDAMemory: MemoryProvider {
  /// What makes a GPU's driver export memory.
  static let exportRemedy = """
    it takes NVIDIA's open kernel modules, Linux 5.12 and CUDA 11.7, and a GPU that they drive
    """

  private let index: Int?
  private let interface: String
  private let library: String

  /// - Parameters:
  ///   - index: The GPU as CUDA counts them; that nearest to the interface if `nil`.
  ///   - interface: The network interface that the memory is for.
  ///   - library: The name of the driver interface's library.
  package init(gpu index: Int?, near interface: String, library: String = "libcuda.so.1") {
    self.index = index
    self.interface = interface
    self.library = library
  }

  /// What the driver allocates in one piece.
  package var granularity: Int { 2 << 20 }

  /// Allocates memory of the GPU, clears it, and exports it.
  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let memory = try allocateExportable(byteCount: byteCount)
    try memory.prepare()
    let export = try memory.export()
    return DeviceBuffer(export, copied: try CUDABuffer(memory))
  }

  /// Tries to export some memory with each mapping, and gives it back.
  ///
  /// - Returns: Each mapping, and why the driver refuses it; `nil` where it does not.
  package func refusals() throws(Failure) -> [(mapping: CUDAMapping, reason: String?)] {
    let memory = try allocateExportable(byteCount: granularity)
    return CUDAMapping.allCases.map { ($0, memory.refusal(toExport: $0)) }
  }

  private func allocateExportable(byteCount: Int) throws(Failure) -> CUDAAllocation {
    let device = try choose(from: try CUDALibrary(at: library).devices())
    guard try device.exports else {
      throw Failure(
        "export memory of", on: device.subject, reason: "its driver does not make dma-bufs",
        hint: Self.exportRemedy, kind: .unsupported)
    }
    return try CUDAAllocation(byteCount: byteCount, in: try CUDAContext(on: device))
  }

  private func choose(from devices: [CUDADevice]) throws(Failure) -> CUDADevice {
    guard let index else {
      let place = PCIPlace(of: "/sys/class/net/\(interface)/device")
      let places = devices.map { PCIPlace(of: "/sys/bus/pci/devices/\($0.address)") }
      guard let nearest = PCIPlace.nearest(of: places, to: place) else { throw missing("any") }
      return devices[nearest]
    }
    guard index < devices.count else {
      throw missing("number \(index)", reason: "this host has \(devices.count)")
    }
    return devices[index]
  }

  private func missing(_ wanted: String, reason: String = "this host has none") -> Failure {
    Failure("find the GPU", on: wanted, reason: reason, kind: .unsupported)
  }

  /// The host's GPUs, or why there is none.
  package static var availability: [MemoryAvailability] {
    do throws(Failure) {
      let devices = try CUDALibrary(at: "libcuda.so.1").devices()
      guard !devices.isEmpty else {
        return [none(seen: "no GPU", remedy: "add an NVIDIA GPU")]
      }
      return try devices.map { device throws(Failure) in
        let exports = try device.exports
        return MemoryAvailability(
          of: .cuda(device.index), exports ? .ready : .missing, seen: device.subject,
          remedy: exports ? nil : exportRemedy,
          limits: ["\(try device.memorySize >> 20) MiB of memory"])
      }
    } catch {
      let remedy = error.hint ?? "check NVIDIA's driver: nvidia-smi"
      return [none(seen: error.reason ?? "no libcuda", remedy: remedy)]
    }
  }

  private static func none(seen: String, remedy: String) -> MemoryAvailability {
    MemoryAvailability(of: .cuda(nil), .missing, seen: seen, remedy: remedy)
  }
}
