// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// What carries ethtool requests to one interface's driver: the ioctl, or a test's script.
package protocol EthtoolDevice: ~Copyable {
  /// Does one request: a structure of `include/uapi/linux/ethtool.h`, whose first word is the
  /// command, with room behind it for what the kernel writes there.
  ///
  /// - Returns: What the call returned: 0, or flags of `ETHTOOL_SFEATURES`.
  mutating func perform(_ request: inout [UInt8]) throws(Errno) -> CInt
}

/// The kernel's own: a socket to hold the ioctl. The corresponding request is `SIOCETHTOOL`.
package struct EthtoolSocket: ~Copyable, EthtoolDevice {
  private let interface: String
  private let descriptor: OwnedDescriptor

  /// Opens a socket for requests to an interface of this network namespace.
  package init(interface: String) throws(Errno) {
    self.interface = interface
    let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    descriptor = OwnedDescriptor(owning: try retrying { socket(AF_INET, type, 0) })
  }

  package mutating func perform(_ request: inout [UInt8]) throws(Errno) -> CInt {
    try retrying {
      unsafe request.withUnsafeMutableBytes {
        unsafe CLinux_ethtool(descriptor.rawValue, interface, $0.baseAddress!)
      }
    }
  }
}
