// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// A structure of C that is nothing but its bytes.
protocol CStructure {
  /// All bytes zero.
  init()
}

extension CStructure {
  /// Reads a structure from the first of some bytes.
  ///
  /// - Precondition: there are at least as many bytes as the structure has.
  init(_ bytes: ArraySlice<UInt8>) {
    self.init()
    let size = MemoryLayout<Self>.size
    precondition(bytes.count >= size)
    unsafe withUnsafeMutableBytes(of: &self) { unsafe $0.copyBytes(from: bytes.prefix(size)) }
  }

  /// The structure as the kernel takes it.
  var bytes: [UInt8] { unsafe withUnsafeBytes(of: self) { unsafe Array($0) } }
}

/// A structure that begins with an ethtool command.
protocol EthtoolRequest: CStructure {
  /// The command; the corresponding C constants begin with `ETHTOOL_`.
  var cmd: UInt32 { get set }
}

extension EthtoolRequest {
  /// A request for a command, with all else zero.
  init(command: CInt) {
    self.init()
    cmd = UInt32(command)
  }
}

extension ethtool_drvinfo: EthtoolRequest {}
extension ethtool_perm_addr: EthtoolRequest {}
extension ethtool_value: EthtoolRequest {}
extension ethtool_wolinfo: EthtoolRequest {}
extension ethtool_channels: EthtoolRequest {}
extension ethtool_sset_info: EthtoolRequest {}
extension ethtool_gstrings: EthtoolRequest {}
extension ethtool_stats: EthtoolRequest {}
extension ethtool_tunable: EthtoolRequest {}
extension ethtool_gfeatures: EthtoolRequest {}
extension ethtool_sfeatures: EthtoolRequest {}
extension ethtool_rxnfc: EthtoolRequest {}
extension CLinux_ethtool_rxfh: EthtoolRequest {}
extension ethtool_get_features_block: CStructure {}
extension ethtool_set_features_block: CStructure {}
extension ethtool_rx_flow_spec: CStructure {}
