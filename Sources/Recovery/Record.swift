// SPDX-License-Identifier: GPL-2.0-only

package import NIC

/// What a journal says: whose it is, and what is to be undone on which device.
///
/// As text it is lines. The first ones say all but the changes; each further one says all changes
/// as they stood then, and the last whole one counts. So a line that was not written to its end
/// takes nothing away: what it was to announce was not done yet.
package struct Record: Equatable, Sendable {
  /// The process that made the changes.
  package var owner: CInt
  package var host: Host
  package var device: DeviceIdentity
  package var changes: [Change]

  package init(owner: CInt, host: Host, device: DeviceIdentity, changes: [Change] = []) {
    self.owner = owner
    self.host = host
    self.device = device
    self.changes = changes
  }

  /// Why a text is not a record.
  package enum Defect: Error {
    /// Its head was not written to its end: nothing was changed.
    case unfinished
    /// It is something else.
    case malformed
  }

  /// The record as text.
  package var text: String {
    ([Self.title] + head.map { "\($0.key) \($0.value)" }).map { $0 + "\n" }.joined()
      + Self.line(of: changes)
  }

  /// The line that says how the changes stand.
  package static func line(of changes: [Change]) -> String {
    (changes.isEmpty ? word : word + " " + Change.text(of: changes)) + "\n"
  }

  /// Reads a record and nothing but that.
  package init(text: String) throws(Defect) {
    // What follows the last line's end is no whole line.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    let headCount = 1 + Self.keys.count
    guard lines.count > headCount, let last = lines.last else { throw .unfinished }
    guard lines[0] == Self.title, last == Self.word || last.hasPrefix(Self.word + " "),
      let changes = Change.changes(in: String(last.dropFirst(Self.word.count + 1)))
    else { throw .malformed }
    var values: [String] = []
    for (key, line) in zip(Self.keys, lines.dropFirst()) {
      guard line.hasPrefix(key + " ") else { throw .malformed }
      values.append(String(line.dropFirst(key.count + 1)))
    }
    guard let owner = CInt(values[0]), owner > 0, let namespace = UInt64(values[2]),
      let index = UInt32(values[3])
    else { throw .malformed }
    self.init(
      owner: owner, host: Host(boot: values[1], namespace: namespace),
      device: DeviceIdentity(
        index: index, driver: values[4], bus: values[5], address: values[6]),
      changes: changes)
  }

  private var head: [(key: String, value: String)] {
    let values = [
      "\(owner)", host.boot, "\(host.namespace)", "\(device.index)", device.driver, device.bus,
      device.address,
    ]
    return zip(Self.keys, values).map { ($0, $1) }
  }

  private static let title = "ncdevmem journal 1"
  private static let keys = ["pid", "boot", "netns", "ifindex", "driver", "bus", "address"]
  private static let word = "changes"
}
