// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// What a driver reports about itself and its device. The corresponding C structure is
/// `ethtool_drvinfo`; what the driver does not report is empty.
package struct DriverInformation: Equatable, Sendable {
  /// The driver's name, such as `mlx5_core`.
  package let driver: String
  /// The driver's version; the kernel's own for most drivers (`net/ethtool/ioctl.c`,
  /// `ethtool_get_drvinfo`).
  package let version: String
  /// The version of the device's firmware.
  package let firmware: String
  /// The device's address on its bus, such as `0000:41:00.0`.
  package let bus: String

  /// Reads an answer to `ETHTOOL_GDRVINFO`.
  init(_ answer: [UInt8]) {
    func field(_ offset: Int?, _ size: CInt) -> String {
      String(zeroTerminated: answer[offset!..<offset! + Int(size)])
    }
    typealias Layout = MemoryLayout<ethtool_drvinfo>
    driver = field(Layout.offset(of: \.driver), 32)
    version = field(Layout.offset(of: \.version), 32)
    firmware = field(Layout.offset(of: \.fw_version), ETHTOOL_FWVERS_LEN)
    bus = field(Layout.offset(of: \.bus_info), ETHTOOL_BUSINFO_LEN)
  }
}
