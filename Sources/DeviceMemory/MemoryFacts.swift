// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What is known of a run's device memory, for its report.
package struct MemoryFacts: Equatable, Sendable {
  /// Who compares the payload there with its pattern.
  package enum Validator: String, Sendable {
    /// The CPU, in place or in copies.
    case host
    /// The GPU whose memory it is.
    case gpu
  }

  /// As the option `--memory` names it.
  package var name: String
  /// Its size in bytes.
  package var byteCount: Int
  /// How the CPU gets at it.
  package var access: CPUAccess
  /// How other devices reach it, if it is a GPU's.
  package var mapping: CUDAMapping?
  /// Who validates the payload; `nil` where nobody does.
  package var validator: Validator?

  /// States what is known of a memory.
  package init(
    _ kind: MemoryKind, byteCount: Int, access: CPUAccess = .mapped, mapping: CUDAMapping? = nil,
    validatedBy validator: Validator? = nil
  ) {
    name = kind.name
    self.byteCount = byteCount
    self.access = access
    self.mapping = mapping
    self.validator = validator
  }

  /// What is known of a memory of a kind.
  package init(
    _ kind: MemoryKind, _ buffer: borrowing DeviceBuffer, validatedBy validator: Validator? = nil
  ) {
    self.init(
      kind, byteCount: buffer.byteCount, access: buffer.access, mapping: buffer.mapping,
      validatedBy: validator)
  }

  /// The facts for programs.
  package var json: JSONObject {
    var object = JSONObject()
    object.add("kind", name)
    object.add("bytes", byteCount)
    object.add("cpu_access", access.rawValue)
    object.add("pci_mapping", mapping?.rawValue)
    object.add("validated_by", validator?.rawValue)
    return object
  }

  /// What people should know of it, in a line; `nil` where it is as usual.
  package var remark: String? {
    let way: String
    switch (access, mapping) {
    case (_, .pcie): way = "exported with a mapping over PCIe"
    case (_, .standard): way = "exported without a mapping over PCIe, which the driver refuses"
    case (.readOnly, nil): way = "which the CPU can only read"
    case (.none, nil): way = "which the CPU cannot reach"
    default: return nil
    }
    return "device memory: \(byteCount) bytes of \(name), \(way)"
  }
}
