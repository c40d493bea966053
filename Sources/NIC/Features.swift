// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// One feature of an interface, as `ethtool -k` lists it.
package struct Feature: Equatable, Sendable {
  /// The kernel's name, such as `rx-ntuple-filter`.
  package let name: String
  /// Whether it is on.
  package var isActive: Bool
  /// Whether somebody, or the driver at its start, asked for it to be on.
  package var isRequested: Bool
  /// Whether it can be switched.
  package var isAvailable: Bool

  /// The feature that flow rules need.
  package static let ntuple = "rx-ntuple-filter"
  /// The feature without which some drivers split no headers (`mlx5/core/en_ethtool.c`,
  /// `mlx5e_ethtool_set_tcp_data_split`).
  package static let hardwareGRO = "rx-gro-hw"
}

extension Interface {
  /// All features that the kernel knows, in its order. The corresponding command is
  /// `ETHTOOL_GFEATURES`.
  package mutating func features() throws(Failure) -> [Feature] {
    let names = try allFeatureNames()
    let blocks = try featureBlocks(count: (names.count + 31) / 32)
    return names.enumerated().compactMap { index, name in
      guard !name.isEmpty, index / 32 < blocks.count else { return nil }
      let block = blocks[index / 32]
      let bit: UInt32 = 1 << UInt32(index % 32)
      return Feature(
        name: name, isActive: block.active & bit != 0, isRequested: block.requested & bit != 0,
        isAvailable: block.available & bit != 0 && block.never_changed & bit == 0)
    }
  }

  /// Requests one feature to be on or off, and leaves the others. The corresponding command is
  /// `ETHTOOL_SFEATURES`.
  ///
  /// - Throws: A failure without errno where the driver keeps the feature as it was.
  package mutating func setFeature(_ name: String, to isOn: Bool) throws(Failure) {
    let operation = "switch \(isOn ? "on" : "off") \(name) of"
    let names = try allFeatureNames()
    guard let index = names.firstIndex(of: name) else {
      throw refusal(operation, .notSupported, reason: "this kernel has no such feature")
    }
    // `ETHTOOL_DEV_FEATURE_WORDS`: the kernel takes no other number.
    let count = (names.count + 31) / 32
    var head = ethtool_sfeatures(command: ETHTOOL_SFEATURES)
    head.size = UInt32(count)
    var blocks = [ethtool_set_features_block](repeating: .init(), count: count)
    let bit: UInt32 = 1 << UInt32(index % 32)
    blocks[index / 32].valid = bit
    blocks[index / 32].requested = isOn ? bit : 0
    var request = head.bytes + blocks.flatMap(\.bytes)
    let outcome = try perform(&request, operation)
    guard outcome == 0 else {
      throw refusal(operation, nil, reason: "the driver keeps it as it is")
    }
  }

  /// The names of all features that the kernel knows; empty ones for bits without a feature.
  private mutating func allFeatureNames() throws(Failure) -> [String] {
    if let featureNames { return featureNames }
    let names = try strings(ETH_SS_FEATURES)
    featureNames = names
    return names
  }

  private mutating func featureBlocks(
    count: Int
  ) throws(Failure) -> [ethtool_get_features_block] {
    var head = ethtool_gfeatures(command: ETHTOOL_GFEATURES)
    head.size = UInt32(count)
    let blockSize = MemoryLayout<ethtool_get_features_block>.size
    var request = head.bytes
    let start = request.count
    request += [UInt8](repeating: 0, count: count * blockSize)
    try perform(&request, "read the features of")
    let answer = ethtool_gfeatures(request[...])
    return (0..<min(count, Int(answer.size))).map {
      ethtool_get_features_block(request[(start + $0 * blockSize)...])
    }
  }
}
