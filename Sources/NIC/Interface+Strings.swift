// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

extension Interface {
  /// The names of one string set, in order; empty where the driver has none. The corresponding
  /// commands are `ETHTOOL_GSSET_INFO` and `ETHTOOL_GSTRINGS`.
  ///
  /// - Parameter set: `ETH_SS_FEATURES` or the like.
  mutating func strings(_ set: ethtool_stringset) throws(Failure) -> [String] {
    let operation = "read the names of settings of"
    var info = ethtool_sset_info(command: ETHTOOL_GSSET_INFO)
    info.sset_mask = 1 << UInt64(set.rawValue)
    let headSize = MemoryLayout<ethtool_sset_info>.size
    var request = info.bytes + [0, 0, 0, 0]
    try perform(&request, operation)
    let answer = ethtool_sset_info(request[...])
    guard answer.sset_mask != 0, let count = words(request[headSize...]).first, count > 0 else {
      return []
    }
    var head = ethtool_gstrings(command: ETHTOOL_GSTRINGS)
    head.string_set = set.rawValue
    head.len = count
    let size = Int(ETH_GSTRING_LEN)
    var list = head.bytes
    let start = list.count
    list += [UInt8](repeating: 0, count: Int(count) * size)
    try perform(&list, operation)
    return (0..<Int(count)).map { text(list[start + $0 * size..<start + ($0 + 1) * size]) }
  }
}
