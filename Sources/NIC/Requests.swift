// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// A structure of C: nothing but its bytes.
protocol CStructure {
  /// All zero.
  init()
}

extension CStructure {
  /// A structure from the first of some bytes, at least as many as it has.
  init(_ bytes: ArraySlice<UInt8>) {
    self.init()
    let size = MemoryLayout<Self>.size
    precondition(bytes.count >= size)
    unsafe withUnsafeMutableBytes(of: &self) { unsafe $0.copyBytes(from: bytes.prefix(size)) }
  }

  var bytes: [UInt8] { unsafe withUnsafeBytes(of: self) { unsafe Array($0) } }
}

/// A structure that begins with an ethtool command.
protocol EthtoolRequest: CStructure {
  var cmd: UInt32 { get set }
}

extension EthtoolRequest {
  /// A request for a command. The corresponding C constants begin with `ETHTOOL_`.
  init(command: CInt) {
    self.init()
    cmd = UInt32(command)
  }
}

extension ethtool_drvinfo: EthtoolRequest {}
extension ethtool_perm_addr: EthtoolRequest {}
extension ethtool_value: EthtoolRequest {}
extension ethtool_channels: EthtoolRequest {}
extension ethtool_sset_info: EthtoolRequest {}
extension ethtool_gstrings: EthtoolRequest {}
extension ethtool_gfeatures: EthtoolRequest {}
extension ethtool_sfeatures: EthtoolRequest {}
extension ethtool_rxnfc: EthtoolRequest {}
extension CLinux_ethtool_rxfh: EthtoolRequest {}
extension ethtool_get_features_block: CStructure {}
extension ethtool_set_features_block: CStructure {}
extension ethtool_rx_flow_spec: CStructure {}

extension FixedWidthInteger {
  /// The integer's bytes in the host's order.
  var bytes: [UInt8] { unsafe withUnsafeBytes(of: self) { unsafe Array($0) } }
}

/// The 32-bit words in bytes, in the host's order; what is left behind the last is dropped.
func words(_ bytes: ArraySlice<UInt8>) -> [UInt32] {
  unsafe bytes.withUnsafeBytes { bytes in
    (0..<bytes.count / 4).map {
      unsafe bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)
    }
  }
}

/// The text in a field of fixed size, up to its first zero.
func text(_ field: ArraySlice<UInt8>) -> String {
  String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
}
