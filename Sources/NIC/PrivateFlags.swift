// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A driver's private flags: up to 32 switches.
package struct PrivateFlags: Equatable, Sendable {
  /// The flags' names, which each driver chooses.
  package let names: [String]
  /// Bit `n` is the flag of `names[n]`.
  package var values: UInt32

  /// Flags by their names and values.
  package init(names: [String], values: UInt32) {
    self.names = names
    self.values = values
  }

  /// The names that drivers give the flag which splits headers, where the ring parameter does not.
  private static let splitNames = ["tcp-data-split", "enable-header-split", "header-split"]

  /// Whether there is a flag that splits headers, and it is on.
  package var splitsHeaders: Bool { splittingHeaders(true) == self }

  /// The bit of the flag that splits headers; 0 where there is none.
  package var splitBit: UInt32 {
    names.firstIndex(where: Self.splitNames.contains).map { 1 << UInt32($0) } ?? 0
  }

  /// The flags with the one that splits headers on or off, and the others as they are; `nil` where
  /// there is no such flag.
  package func splittingHeaders(_ isOn: Bool) -> PrivateFlags? {
    guard splitBit != 0 else { return nil }
    return PrivateFlags(names: names, values: isOn ? values | splitBit : values & ~splitBit)
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
