// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import NIC

/// All that a `Transaction` can change, read at one time: a state before that differs from the one
/// after means that something was left behind.
package struct NICState: Equatable, Sendable {
  /// All features, in the kernel's order.
  package var features: [Feature]
  /// Ring parameters; `nil` where the driver does not report them.
  package var rings: Rings?
  /// The number of queues; `nil` where the driver does not report it.
  package var channels: Channels?
  /// The main RSS settings; `nil` where the driver has no RSS.
  package var rss: RSS?
  /// The tables of further RSS contexts, by context number.
  package var contexts: [UInt32: [UInt32]]
  /// All flow rules, by location; `nil` where the driver takes none.
  package var rules: [FlowRule]?
  /// The driver's private flags.
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
      if let entries = rings.sizes.receive { lines.append("rx ring \(entries)") }
      if let entries = rings.sizes.transmit { lines.append("tx ring \(entries)") }
    }
    if let channels {
      lines.append("channels combined \(channels.combined)")
      lines.append("channels rx \(channels.receive)")
      lines.append("channels tx \(channels.transmit)")
      lines.append("channels other \(channels.other)")
    }
    if let rss {
      lines.append("rss table \(numbers(rss.table))")
      lines.append("rss key \(hexadecimal(rss.key))")
      lines.append("rss function \(rss.function) transform \(rss.transform)")
    }
    for (id, table) in contexts.sorted(by: { $0.key < $1.key }) {
      lines.append("rss context \(id) table \(numbers(table))")
    }
    lines += (rules ?? []).map(\.description)
    for (bit, name) in privateFlags.names.enumerated()
    where privateFlags.values & 1 << UInt32(bit) != 0 {
      lines.append("private flag \(name)")
    }
    return lines.joined(separator: "\n")
  }
}

extension FlowRule: CustomStringConvertible {
  /// One line that says all: a rule that is not for a TCP flow shows its bytes.
  package var description: String {
    let base = type & ~UInt32(FLOW_RSS)
    let size = base == UInt32(TCP_V4_FLOW) ? 4 : 16
    let action =
      type & UInt32(FLOW_RSS) == 0
      ? "to queue \(ringCookie)"
      : "to context \(context)" + (ringCookie == 0 ? "" : " plus \(ringCookie)")
    let head = "rule \(location): "
    let bytes =
      "type \(hexadecimal([base])) match \(hexadecimal(match)) mask \(hexadecimal(mask)) "
    guard base == UInt32(TCP_V4_FLOW) || base == UInt32(TCP_V6_FLOW) else {
      return head + bytes + action
    }
    let plain = FlowRule(
      FlowTuple(to: end(1, size), from: end(0, size)), to: .queue(0), location: location)
    let masked = plain.mask == mask
    let fromAnywhere = FlowRule(FlowTuple(to: end(1, size)), to: .queue(0)).mask == mask
    guard masked || fromAnywhere, plain.match == match else {
      return head + bytes + action
    }
    let source = masked ? text(end(0, size)) : "anywhere"
    return head + "tcp from \(source) to \(text(end(1, size))), \(action)"
  }

  private func end(_ index: Int, _ size: Int) -> FlowTuple.End {
    let address = match[index * size..<(index + 1) * size]
    let port = match[(2 * size + 2 * index)...].prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
    return FlowTuple.End(IPAddress(octets: Array(address)), port: port)
  }

  private func text(_ end: FlowTuple.End) -> String { "\(end.address) port \(end.port ?? 0)" }
}

/// Numbers with a space between.
private func numbers(_ numbers: [UInt32]) -> String {
  numbers.map(String.init).joined(separator: " ")
}

/// Numbers in base 16, bytes with both digits.
private func hexadecimal<Number: FixedWidthInteger>(_ numbers: [Number]) -> String {
  numbers.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Reads something that a driver may lack: `nil` where it answers `EOPNOTSUPP`.
private func ifSupported<Value>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value? {
  do throws(Failure) {
    return try body()
  } catch {
    guard error.errno == .notSupported else { throw error }
    return nil
  }
}
