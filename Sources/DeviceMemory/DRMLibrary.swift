// SPDX-License-Identifier: GPL-2.0-only

internal import CDRM
internal import Glibc
internal import Kernel

/// What is needed of libdrm, opened when it is needed.
@safe struct DRMLibrary {
  private let getVersion: CDRM_drmGetVersion
  private let freeVersion: CDRM_drmFreeVersion
  private let getCapability: CDRM_drmGetCap
  private let ioctl: CDRM_drmIoctl
  private let handleToDescriptor: CDRM_drmPrimeHandleToFD
}

extension DRMLibrary {
  /// Opens the library.
  ///
  /// - Throws: A failure of the kind `unsupported` where this host has no libdrm.
  init() throws(Failure) {
    let library = try DynamicLibrary("libdrm.so.2", from: "libdrm (Debian: libdrm2)")
    unsafe try self.init(
      getVersion: library.function("drmGetVersion"),
      freeVersion: library.function("drmFreeVersion"),
      getCapability: library.function("drmGetCap"),
      ioctl: library.function("drmIoctl"),
      handleToDescriptor: library.function("drmPrimeHandleToFD"))
  }

  /// The name of a device's driver, such as `vgem`; `nil` where the device reports none.
  func driver(of device: borrowing OwnedDescriptor) -> String? {
    guard let version = unsafe getVersion(device.rawValue) else { return nil }
    defer { unsafe freeVersion(version) }
    return unsafe version.pointee.name.map { unsafe String(cString: $0) }
  }

  /// Whether a device exports its memory as dma-bufs. The corresponding C constant is
  /// `DRM_PRIME_CAP_EXPORT`.
  func exports(_ device: borrowing OwnedDescriptor) -> Bool {
    var capabilities: UInt64 = 0
    let result = unsafe getCapability(device.rawValue, UInt64(DRM_CAP_PRIME), &capabilities)
    return result == 0 && capabilities & UInt64(DRM_PRIME_CAP_EXPORT) != 0
  }

  /// Makes a dumb buffer and exports it, after which only the dma-buf keeps it. The corresponding
  /// C constant is `DRM_IOCTL_MODE_CREATE_DUMB`.
  ///
  /// - Parameter rows: Its size in rows of `rowSize` bytes; a driver may make them longer.
  func makeBuffer(rows: UInt32, on device: borrowing OwnedDescriptor) throws(Errno)
    -> OwnedDescriptor
  {
    var dumb = drm_mode_create_dumb()
    dumb.width = UInt32(Self.rowSize / 4)
    dumb.height = rows
    dumb.bpp = 32
    try retrying { unsafe ioctl(device.rawValue, CDRM_IOCTL_MODE_CREATE_DUMB, &dumb) }
    defer {
      var spent = drm_mode_destroy_dumb(handle: dumb.handle)
      unsafe _ = ioctl(device.rawValue, CDRM_IOCTL_MODE_DESTROY_DUMB, &spent)
    }
    var dmabuf: CInt = -1
    try retrying {
      unsafe handleToDescriptor(device.rawValue, dumb.handle, CDRM_EXPORT_FLAGS, &dmabuf)
    }
    return OwnedDescriptor(owning: dmabuf)
  }

  /// The length of a dumb buffer's rows in bytes.
  static let rowSize = 4096
}
