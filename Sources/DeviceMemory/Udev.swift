// SPDX-License-Identifier: GPL-2.0-only

internal import CUdev
package import Kernel

/// libudev, opened when it is needed: a host without it does all the rest.
@safe package struct Udev {
  private let new: CUdev_new
  private let unref: CUdev_unref
  private let enumerateNew: CUdev_enumerate_new
  private let enumerateUnref: CUdev_enumerate_unref
  private let matchSubsystem: CUdev_enumerate_add_match
  private let scan: CUdev_enumerate_scan_devices
  private let firstEntry: CUdev_enumerate_get_list_entry
  private let nextEntry: CUdev_list_entry_get_next
  private let entryName: CUdev_list_entry_get_name
  private let deviceFromPath: CUdev_device_new_from_syspath
  private let deviceFromName: CUdev_device_new_from_subsystem
  private let deviceUnref: CUdev_device_unref
  private let deviceNode: CUdev_device_get_devnode
  private let parent: CUdev_device_get_parent
  private let ancestor: CUdev_device_get_ancestor
  private let subsystem: CUdev_device_get_subsystem
  private let name: CUdev_device_get_sysname
  private let attribute: CUdev_device_get_sysattr_value
  private let property: CUdev_device_get_property_value
}

extension Udev {
  /// Opens the library.
  ///
  /// - Throws: A failure of the kind `unsupported` where this host has no libudev.
  package init() throws(Failure) {
    let library = try DynamicLibrary("libudev.so.1", from: "libudev (Debian: libudev1)")
    unsafe try self.init(
      new: library.function("udev_new"),
      unref: library.function("udev_unref"),
      enumerateNew: library.function("udev_enumerate_new"),
      enumerateUnref: library.function("udev_enumerate_unref"),
      matchSubsystem: library.function("udev_enumerate_add_match_subsystem"),
      scan: library.function("udev_enumerate_scan_devices"),
      firstEntry: library.function("udev_enumerate_get_list_entry"),
      nextEntry: library.function("udev_list_entry_get_next"),
      entryName: library.function("udev_list_entry_get_name"),
      deviceFromPath: library.function("udev_device_new_from_syspath"),
      deviceFromName: library.function("udev_device_new_from_subsystem_sysname"),
      deviceUnref: library.function("udev_device_unref"),
      deviceNode: library.function("udev_device_get_devnode"),
      parent: library.function("udev_device_get_parent"),
      ancestor: library.function("udev_device_get_parent_with_subsystem_devtype"),
      subsystem: library.function("udev_device_get_subsystem"),
      name: library.function("udev_device_get_sysname"),
      attribute: library.function("udev_device_get_sysattr_value"),
      property: library.function("udev_device_get_property_value"))
  }

  /// The device files of a subsystem, in the order of their devices in sysfs.
  package func nodes(of subsystem: String) -> [String] {
    guard let udev = unsafe new() else { return [] }
    defer { unsafe _ = unref(udev) }
    guard let enumeration = unsafe enumerateNew(udev) else { return [] }
    defer { unsafe _ = enumerateUnref(enumeration) }
    guard unsafe matchSubsystem(enumeration, subsystem) >= 0 && scan(enumeration) >= 0 else {
      return []
    }
    var nodes: [String] = []
    var entry = unsafe firstEntry(enumeration)
    while let current = unsafe entry {
      if let device = unsafe deviceFromPath(udev, entryName(current)) {
        if let node = unsafe text(deviceNode(device)) { nodes.append(node) }
        unsafe _ = deviceUnref(device)
      }
      unsafe entry = nextEntry(current)
    }
    return nodes
  }

  /// The device behind a network interface: that on the PCI bus, else the one that is nearest to
  /// the interface.
  ///
  /// - Returns: `nil` where there is none: a virtual interface, or one of another network
  ///   namespace's sysfs.
  package func device(behind interface: String) -> Device? {
    guard let udev = unsafe new() else { return nil }
    defer { unsafe _ = unref(udev) }
    guard let link = unsafe deviceFromName(udev, "net", interface) else { return nil }
    defer { unsafe _ = deviceUnref(link) }
    // Both belong to the interface's device.
    guard let device = unsafe ancestor(link, "pci", nil) ?? parent(link) else { return nil }
    let node = unsafe text(attribute(device, "numa_node")).flatMap { Int($0) }
    let names = unsafe [
      text(property(device, "ID_VENDOR_FROM_DATABASE")),
      text(property(device, "ID_MODEL_FROM_DATABASE")),
    ]
    return Device(
      bus: unsafe text(subsystem(device)) ?? "unknown",
      address: unsafe text(name(device)) ?? "unknown", node: node.flatMap { $0 < 0 ? nil : $0 },
      names: names.compactMap(\.self))
  }

  private func text(_ string: UnsafePointer<CChar>?) -> String? {
    unsafe string.map { unsafe String(cString: $0) }
  }

  /// A device, as udev describes it.
  package struct Device: Equatable, Sendable {
    /// The bus, such as `pci`.
    package let bus: String
    /// The address on it, such as `0000:41:00.0`.
    package let address: String
    /// The NUMA node; `nil` where the machine does not report one.
    package let node: Int?
    /// Vendor and model as udev's database names them; empty where it does not know them.
    package let names: [String]
  }
}
