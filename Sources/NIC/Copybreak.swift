// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

extension Interface {
  /// How many bytes a received packet may have for the driver to copy it to memory of the host's,
  /// rather than hand on the buffer (`rx-copybreak`); `nil` where it has no such setting. The
  /// corresponding command is `ETHTOOL_GTUNABLE`.
  package mutating func receiveCopybreak() throws(Failure) -> UInt32? {
    var tunable = ethtool_tunable(command: ETHTOOL_GTUNABLE)
    tunable.id = ETHTOOL_RX_COPYBREAK.rawValue
    tunable.type_id = ETHTOOL_TUNABLE_U32.rawValue
    tunable.len = UInt32(MemoryLayout<UInt32>.size)
    let head = tunable.bytes
    return try ifSupported { () throws(Failure) in
      var request = head + UInt32(0).bytes
      try perform(&request, "read rx-copybreak of")
      return request[head.count...].value(as: UInt32.self) ?? 0
    }
  }
}
