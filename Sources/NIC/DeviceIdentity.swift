// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// What tells an interface from another that may come to have its index. Its name is not part of
/// it: that can be changed at any time.
package struct DeviceIdentity: Equatable, Sendable {
  /// As `if_nametoindex` gives it.
  package var index: UInt32
  package var driver: String
  /// Where the device is, such as `0000:01:00.0`; empty where the driver does not tell.
  package var bus: String
  /// The hardware address it was made with, in base 16; zeros where it was made without one.
  package var address: String

  package init(index: UInt32, driver: String, bus: String, address: String) {
    self.index = index
    self.driver = driver
    self.bus = bus
    self.address = address
  }
}

extension Interface {
  /// The interface's identity. The corresponding command is `ETHTOOL_GPERMADDR`.
  package mutating func identity() throws(Failure) -> DeviceIdentity {
    var head = ethtool_perm_addr(command: ETHTOOL_GPERMADDR)
    // MAX_ADDR_LEN, which only the kernel has.
    head.size = 32
    let headSize = MemoryLayout<ethtool_perm_addr>.size
    var answer = head.bytes + [UInt8](repeating: 0, count: 32)
    try perform(&answer, "identify")
    let size = min(32, Int(ethtool_perm_addr(answer[...]).size))
    return DeviceIdentity(
      index: index, driver: printable(driver),
      bus: printable(driverInformation?.bus ?? ""),
      address: hex(Array(answer[headSize..<headSize + size])))
  }
}

/// Texts of drivers, so that they stay within a line.
private func printable(_ text: String) -> String {
  String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 }))
}
