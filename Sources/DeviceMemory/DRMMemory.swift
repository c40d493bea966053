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

  static let remedy = "load a DRM driver that has dumb buffers, such as vgem (CONFIG_DRM_VGEM)"

  private let choice: Choice

  package init(_ choice: Choice) { self.choice = choice }

  package var granularity: Int { DRMLibrary.rowSize }

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
        device = try open(node)
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

  /// The device files to try.
  private func nodes() throws(Failure) -> [String] {
    if case .node(let path) = choice { return [path] }
    return try Self.primaryNodes()
  }

  /// The files of all DRM devices by which one may ask for dumb buffers: render nodes refuse that.
  static func primaryNodes() throws(Failure) -> [String] {
    try UdevLibrary().nodes(of: "drm").filter { $0.hasPrefix("/dev/dri/card") }
  }

  private func open(_ node: String) throws(Failure) -> OwnedDescriptor {
    do throws(Errno) {
      return OwnedDescriptor(owning: try retrying { unsafe Glibc.open(node, O_RDWR | O_CLOEXEC) })
    } catch {
      let isMissing = error == .noEntry || error == .noDevice || error == Errno(ENXIO)
      throw Failure(
        "open", on: node, errno: error,
        hint: isMissing ? Self.remedy : "run as root or join its group",
        kind: isMissing ? .unsupported : .failed)
    }
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
}
