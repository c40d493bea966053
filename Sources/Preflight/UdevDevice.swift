// SPDX-License-Identifier: GPL-2.0-only

internal import CUdev
internal import Kernel

/// The device behind a network interface, as udev knows it.
struct UdevDevice: Equatable, Sendable {
  /// The bus, such as `pci`.
  let bus: String
  /// The address on it, such as `0000:41:00.0`.
  let address: String
  /// The NUMA node; nil where the machine does not tell.
  let node: Int?
  /// Vendor and model as udev's database names them; empty where it does not know.
  let names: [String]
}

extension UdevDevice {
  /// Looks for the device on the PCI bus, else for the one that is nearest to the interface.
  ///
  /// - Returns: nil where there is none: a virtual interface, or one of another network namespace's
  ///   sysfs.
  /// - Throws: A failure of the kind `unsupported` where this host has no libudev.
  static func behind(_ interface: String) throws(Failure) -> UdevDevice? {
    let library = try DynamicLibrary("libudev.so.1", from: "libudev (Debian: libudev1)")
    let new: CUdev_new = unsafe try library.function("udev_new")
    let unref: CUdev_unref = unsafe try library.function("udev_unref")
    let open: CUdev_device_new_from_subsystem =
      unsafe try library.function("udev_device_new_from_subsystem_sysname")
    let close: CUdev_device_unref = unsafe try library.function("udev_device_unref")
    let parent: CUdev_device_get_parent = unsafe try library.function("udev_device_get_parent")
    let ancestor: CUdev_device_get_ancestor =
      unsafe try library.function("udev_device_get_parent_with_subsystem_devtype")
    let subsystem: CUdev_device_get_subsystem =
      unsafe try library.function("udev_device_get_subsystem")
    let name: CUdev_device_get_sysname = unsafe try library.function("udev_device_get_sysname")
    let attribute: CUdev_device_get_sysattr_value =
      unsafe try library.function("udev_device_get_sysattr_value")
    let property: CUdev_device_get_property_value =
      unsafe try library.function("udev_device_get_property_value")

    guard let udev = unsafe new() else { return nil }
    defer { unsafe _ = unref(udev) }
    guard let link = unsafe open(udev, "net", interface) else { return nil }
    defer { unsafe _ = close(link) }
    // Both belong to the interface's device.
    guard let device = unsafe ancestor(link, "pci", nil) ?? parent(link) else { return nil }
    let node = unsafe text(attribute(device, "numa_node")).flatMap { Int($0) }
    return UdevDevice(
      bus: unsafe text(subsystem(device)) ?? "unknown",
      address: unsafe text(name(device)) ?? "unknown",
      node: node.flatMap { $0 < 0 ? nil : $0 },
      names: unsafe [
        text(property(device, "ID_VENDOR_FROM_DATABASE")),
        text(property(device, "ID_MODEL_FROM_DATABASE")),
      ].compactMap(\.self))
  }
}

private func text(_ string: UnsafePointer<CChar>?) -> String? {
  unsafe string.map { unsafe String(cString: $0) }
}
