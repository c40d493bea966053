// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// What this host has of one kind of device memory, found out without allocating any.
package struct MemoryAvailability: Equatable, Sendable {
  package enum State: Equatable, Sendable {
    /// This process can allocate it.
    case ready
    /// It is there, but not for this process.
    case refused
    /// The host has none.
    case missing
  }

  /// How the option `--memory` names it, such as `heap:system`.
  package let name: String
  package let state: State
  /// What was seen, such as a device.
  package let seen: String
  /// What would provide it, or give access to it; `nil` where it is ready.
  package let remedy: String?
  /// What bounds it, each in a few words.
  package let limits: [String]

  init(
    _ name: String, _ state: State, seen: String, remedy: String? = nil, limits: [String] = []
  ) {
    self.name = name
    self.state = state
    self.seen = seen
    self.remedy = remedy
    self.limits = limits
  }

  /// Memory behind a device, which is ready if this process may open that for reading and writing.
  init(_ name: String, device: String, limits: [String]) {
    let isOpen = unsafe access(device, R_OK | W_OK) == 0
    self.init(
      name, isOpen ? .ready : .refused, seen: device,
      remedy: isOpen ? nil : "run as root, or join the group that \(device) belongs to",
      limits: limits)
  }

  /// Everything that the host has, and each kind that it lacks.
  package static func all() -> [MemoryAvailability] {
    [UDMABuf.availability] + DMAHeap.availability + DRMMemory.availability
      + CUDAMemory.availability
  }
}
