// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What a `Transaction` can change, read at one time: equal before and after, or something was
/// left behind.
package struct NICState: Equatable, Sendable {
  package var features: [Feature]
  /// Nil where the driver does not tell; likewise below.
  package var rings: Rings?
  package var channels: Channels?
  package var rss: RSS?
  /// Tables of further RSS contexts, by number.
  package var contexts: [UInt32: [UInt32]]
  package var rules: [FlowRule]?
  package var privateFlags: PrivateFlags
}

extension Interface {
  /// Reads everything that a `Transaction` can change.
  package mutating func state() throws(Failure) -> NICState {
    NICState(
      features: try features(),
      rings: try ifSupported { () throws(Failure) in try rings() },
      channels: try ifSupported { () throws(Failure) in try channels() },
      rss: try ifSupported { () throws(Failure) in try rss() },
      contexts: try rssContexts(),
      rules: try ifSupported { () throws(Failure) in try flowRules() },
      privateFlags: try privateFlags())
  }
}

extension NICState: CustomStringConvertible {
  /// One line for each setting, so that `diff` shows what differs.
  package var description: String {
    var lines: [String] = []
    for feature in features where feature.isActive || feature.isRequested {
      let note = feature.isActive ? feature.isRequested ? "" : " (not requested)" : " (not active)"
      lines.append("feature \(feature.name)\(note)")
    }
    if let rings {
      lines.append("tcp-data-split \(rings.split)")
      if let threshold = rings.threshold { lines.append("hds-thresh \(threshold)") }
      if let entries = rings.receiveEntries { lines.append("rx ring \(entries)") }
      if let entries = rings.transmitEntries { lines.append("tx ring \(entries)") }
    }
    if let channels {
      lines.append("channels combined \(channels.combined)")
      lines.append("channels rx \(channels.receive)")
      lines.append("channels tx \(channels.transmit)")
      lines.append("channels other \(channels.other)")
    }
    if let rss {
      lines.append("rss table \(list(rss.table))")
      lines.append("rss key \(hex(rss.key))")
      lines.append("rss function \(rss.function) transform \(rss.transform)")
    }
    for (id, table) in contexts.sorted(by: { $0.key < $1.key }) {
      lines.append("rss context \(id) table \(list(table))")
    }
    lines += (rules ?? []).map(\.description)
    for (bit, name) in privateFlags.names.enumerated()
    where privateFlags.values & 1 << UInt32(bit) != 0 {
      lines.append("private flag \(name)")
    }
    return lines.joined(separator: "\n")
  }
}

/// Numbers for people, with a space between.
private func list(_ numbers: [UInt32]) -> String {
  numbers.map(String.init).joined(separator: " ")
}

/// Numbers in base 16, bytes with both digits.
func hex<Number: FixedWidthInteger>(_ numbers: [Number]) -> String {
  numbers.map { number in
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, 2 - digits.count)) + digits
  }.joined()
}
