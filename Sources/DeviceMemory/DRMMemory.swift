// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// Memory of a DRM device: a dumb buffer, which every driver that has them makes in the same way,
/// exported by PRIME (`drivers/gpu/drm/drm_dumb_buffers.c`, `drm_prime.c`).
package struct DRMMemory: MemoryProvider {
  /// Which device.
  package enum Choice: Equatable, Sendable {
    /// The first one that makes and exports dumb buffers.
    case any
    /// That of a device file, such as `/dev/dri/card0`.
    case node(String)
    /// The first one that has this driver, such as `vgem`.
    case driver(String)
  }

  private static let remedy =
    "load a DRM driver that has dumb buffers, such as vgem (CONFIG_DRM_VGEM)"

  private let choice: Choice

  /// Memory of a device, which need not be there.
  package init(_ choice: Choice) { self.choice = choice }

  /// A row of the dumb buffer.
  package var granularity: Int { DRMLibrary.rowSize }

  /// Makes a dumb buffer on the first device that fits the choice.
  package func allocate(byteCount: Int) throws(Failure) -> DeviceBuffer {
    let library = try DRMLibrary()
    let subject = "a dumb buffer of \(byteCount) bytes"
    guard let rows = UInt32(exactly: byteCount / granularity), rows < 1 << 20 else {
      throw Failure("make", on: subject, reason: "a dumb buffer is smaller than 4 GiB")
    }
    var refusal: Failure?
    for node in try nodes() {
      let device: OwnedDescriptor
      do throws(Failure) {
        device = try OwnedDescriptor(device: node, remedy: Self.remedy(forMissing: node))
      } catch {
        refusal = refusal ?? error
        continue
      }
      guard let driver = library.driver(of: device) else {
        if choice != .node(node) { continue }
        throw Failure("use", on: node, reason: "it is no DRM device")
      }
      if case .driver(let wanted) = choice, wanted != driver { continue }
      let dmabuf: OwnedDescriptor
      do throws(Errno) {
        dmabuf = try library.makeBuffer(rows: rows, on: device)
      } catch {
        if choice == .any, Self.refusals.contains(error) { continue }
        throw Self.failure(toMake: "\(subject) on \(node) (driver \(driver))", error)
      }
      return try DeviceBuffer(mapping: dmabuf, named: "\(subject) on \(node)")
    }
    throw refusal ?? missing
  }

  /// What drivers without dumb buffers answer.
  private static let refusals = [Errno(ENOSYS), .notSupported, .invalidArgument]

  private static func failure(toMake subject: String, _ errno: Errno) -> Failure {
    let lacks = refusals.contains(errno)
    let hint =
      switch errno {
      case .accessDenied: "name the device's primary node, /dev/dri/cardN"
      default: lacks ? "the driver may lack dumb buffers: \(remedy)" : nil as String?
      }
    return Failure(
      "make", on: subject, errno: errno, hint: hint, kind: lacks ? .unsupported : .failed)
  }

  /// What makes a device available that has no device node.
  private static func remedy(forMissing node: String) -> String {
    let name = node.split(separator: "/").last ?? ""
    return OwnedDescriptor.remedy(forMissing: node, of: "/sys/class/drm/\(name)") ?? remedy
  }

  /// The device files to try.
  private func nodes() throws(Failure) -> [String] {
    if case .node(let path) = choice { return [path] }
    return try Self.primaryNodes()
  }

  /// The files of all DRM devices by which one may ask for dumb buffers: render nodes refuse that.
  private static func primaryNodes() throws(Failure) -> [String] {
    try Udev().nodes(of: "drm").filter { $0.hasPrefix("/dev/dri/card") }
  }

  private var missing: Failure {
    let wanted =
      switch choice {
      case .any, .node: "that makes dumb buffers"
      case .driver(let name): "with the driver \(name)"
      }
    return Failure(
      "find a DRM device", on: wanted, reason: "this host has none", hint: Self.remedy,
      kind: .unsupported)
  }

  /// The host's DRM devices that export memory, or why there is none.
  package static var availability: [MemoryAvailability] {
    let library: DRMLibrary
    let nodes: [String]
    do throws(Failure) {
      library = try DRMLibrary()
      nodes = try primaryNodes()
    } catch {
      return [none(seen: error.reason ?? "no libdrm", remedy: error.hint)]
    }
    let found = nodes.compactMap { availability(of: $0, by: library) }
    return found.isEmpty ? [none(seen: "no DRM device that exports memory", remedy: remedy)] : found
  }

  /// What a device file gives access to; `nil` where that does not export memory.
  private static func availability(of node: String, by library: DRMLibrary) -> MemoryAvailability? {
    let kind = MemoryKind.drm(.node(node))
    let device: OwnedDescriptor
    do throws(Failure) {
      device = try OwnedDescriptor(device: node, remedy: remedy(forMissing: node))
    } catch {
      return MemoryAvailability(
        of: kind, error.kind == .unsupported ? .missing : .refused,
        seen: error.kind == .unsupported ? "no \(node)" : node, remedy: error.hint)
    }
    let driver = library.driver(of: device)
    guard library.exports(device) else { return nil }
    return MemoryAvailability(
      of: kind, .ready, seen: "\(node) (driver \(driver ?? "unknown"))", driver: driver,
      limits: ["less than 4 GiB"])
  }

  private static func none(seen: String, remedy: String?) -> MemoryAvailability {
    MemoryAvailability(of: .drm(.any), .missing, seen: seen, remedy: remedy)
  }
}
