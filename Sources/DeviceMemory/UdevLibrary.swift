// SPDX-License-Identifier: GPL-2.0-only

internal import CUdev
internal import Kernel

/// What is needed of libudev.
@safe struct UdevLibrary {
  private let new: CUdev_new
  private let unref: CUdev_unref
  private let enumerateNew: CUdev_enumerate_new
  private let enumerateUnref: CUdev_enumerate_unref
  private let matchSubsystem: CUdev_enumerate_add_match
  private let scan: CUdev_enumerate_scan_devices
  private let firstEntry: CUdev_enumerate_get_list_entry
  private let nextEntry: CUdev_list_entry_get_next
  private let entryName: CUdev_list_entry_get_name
  private let deviceNew: CUdev_device_new_from_syspath
  private let deviceNode: CUdev_device_get_devnode
  private let deviceUnref: CUdev_device_unref

  /// - Throws: A failure of the kind `unsupported` where this host has no libudev.
  init() throws(Failure) {
    let library = try DynamicLibrary("libudev.so.1", from: "libudev (Debian: libudev1)")
    unsafe new = try library.function("udev_new")
    unsafe unref = try library.function("udev_unref")
    unsafe enumerateNew = try library.function("udev_enumerate_new")
    unsafe enumerateUnref = try library.function("udev_enumerate_unref")
    unsafe matchSubsystem = try library.function("udev_enumerate_add_match_subsystem")
    unsafe scan = try library.function("udev_enumerate_scan_devices")
    unsafe firstEntry = try library.function("udev_enumerate_get_list_entry")
    unsafe nextEntry = try library.function("udev_list_entry_get_next")
    unsafe entryName = try library.function("udev_list_entry_get_name")
    unsafe deviceNew = try library.function("udev_device_new_from_syspath")
    unsafe deviceNode = try library.function("udev_device_get_devnode")
    unsafe deviceUnref = try library.function("udev_device_unref")
  }

  /// The device files of a subsystem, in the order of their devices in sysfs.
  func nodes(of subsystem: String) -> [String] {
    guard let udev = unsafe new() else { return [] }
    defer { unsafe _ = unref(udev) }
    guard let enumeration = unsafe enumerateNew(udev) else { return [] }
    defer { unsafe _ = enumerateUnref(enumeration) }
    guard unsafe matchSubsystem(enumeration, subsystem) >= 0, unsafe scan(enumeration) >= 0 else {
      return []
    }
    var nodes: [String] = []
    var entry = unsafe firstEntry(enumeration)
    while let current = unsafe entry {
      if let path = unsafe entryName(current), let device = unsafe deviceNew(udev, path) {
        if let node = unsafe deviceNode(device) { nodes.append(unsafe String(cString: node)) }
        unsafe _ = deviceUnref(device)
      }
      unsafe entry = nextEntry(current)
    }
    return nodes
  }
}
