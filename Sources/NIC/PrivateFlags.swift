// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A driver's private flags: up to 32 switches with names of its own.
package struct PrivateFlags: Equatable, Sendable {
  package let names: [String]
  /// Bit `n` is the flag of `names[n]`.
  package var values: UInt32

  package init(names: [String], values: UInt32) {
    self.names = names
    self.values = values
  }

  /// The bit of the flag that splits headers, in drivers that predate the ring parameter; 0 where
  /// there is none.
  package var headerSplitBit: UInt32 {
    let known = ["tcp-data-split", "enable-header-split", "header-split"]
    return names.firstIndex { known.contains($0) }.map { 1 << UInt32($0) } ?? 0
  }
}

extension Interface {
  /// The private flags; none where the driver has none. The corresponding command is
  /// `ETHTOOL_GPFLAGS`.
  package mutating func privateFlags() throws(Failure) -> PrivateFlags {
    let names = try strings(ETH_SS_PRIV_FLAGS)
    guard !names.isEmpty else { return PrivateFlags(names: [], values: 0) }
    let request = ethtool_value(command: ETHTOOL_GPFLAGS)
    let answer = try perform(request, "read the private flags of")
    return PrivateFlags(names: names, values: answer.data)
  }

  /// Sets all private flags. The corresponding command is `ETHTOOL_SPFLAGS`.
  package mutating func setPrivateFlags(_ values: UInt32) throws(Failure) {
    var request = ethtool_value(command: ETHTOOL_SPFLAGS)
    request.data = values
    _ = try perform(request, "set the private flags of")
  }
}
