// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What this host has of one kind of device memory, found out without allocating any.
package struct MemoryAvailability: Equatable, Sendable {
  /// Whether the memory can be allocated.
  package enum State: Equatable, Sendable {
    /// This process can allocate it.
    case ready
    /// It is there, but not for this process.
    case refused
    /// The host has none.
    case missing
  }

  /// What the memory is: what the option `--memory` would choose.
  package let kind: MemoryKind
  /// Whether it can be allocated.
  package let state: State
  /// What was seen, such as a device.
  package let seen: String
  /// The driver of the DRM device behind it; `nil` for other memory, or where it is not known.
  package let driver: String?
  /// What would provide it, or give access to it; `nil` where it is ready.
  package let remedy: String?
  /// What bounds it, each in a few words.
  package let limits: [String]

  init(
    of kind: MemoryKind, _ state: State, seen: String, driver: String? = nil,
    remedy: String? = nil, limits: [String] = []
  ) {
    self.kind = kind
    self.state = state
    self.seen = seen
    self.driver = driver
    self.remedy = remedy
    self.limits = limits
  }

  /// Memory behind a device, which is ready if this process may open that for reading and writing.
  init(of kind: MemoryKind, behind device: String, on host: SystemFiles, limits: [String] = []) {
    let refusal = host.refusalOfReadingAndWriting(device)
    self.init(
      of: kind, refusal == nil ? .ready : .refused, seen: device,
      remedy: refusal.map { OwnedDescriptor.accessRemedy(for: device, refusedBy: $0) },
      limits: limits)
  }

  /// Whether an allocation of a kind could take this memory.
  package func satisfies(_ wanted: MemoryKind) -> Bool {
    switch (wanted, kind) {
    case (.udmabuf, .udmabuf), (.cuda(nil), .cuda), (.drm(.any), .drm): true
    case (.drm(.driver(let name)), .drm): driver == name
    default: wanted == kind
    }
  }

  /// Everything that the host has, and each kind that it lacks.
  ///
  /// - Parameter host: Its files. DRM devices and GPUs are always those that the libraries find.
  package static func all(on host: SystemFiles = SystemFiles()) -> [MemoryAvailability] {
    [UDMABuf.availability(on: host)] + DMAHeap.availability(on: host) + DRMMemory.availability
      + CUDAMemory.availability
  }
}
