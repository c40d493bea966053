// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// What distinguishes an interface from another one that gets its index later. The name is no part
/// of it, for the name can change at any time.
package struct DeviceIdentity: Equatable, Sendable {
  /// The interface's number, as `if_nametoindex` returns it.
  package var index: UInt32
  /// The driver's name; `unknown` where it does not report one.
  package var driver: String
  /// Where the device is, such as `0000:01:00.0`; empty where the driver does not report it.
  package var bus: String
  /// The hardware address it was made with, in base 16; zeros where it was made without one.
  package var address: String

  /// An identity, as a journal has it.
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
      address: Array(answer[headSize..<headSize + size]).hexadecimal)
  }
}

/// A driver's text without control characters, so that it stays within a line.
private func printable(_ text: String) -> String {
  String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 }))
}
