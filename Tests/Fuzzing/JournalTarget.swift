// SPDX-License-Identifier: GPL-2.0-only

import NIC
import Recovery

/// A journal's text, which another process may have cut or damaged: what is read is written and read
/// the same, and a cut in front of its last line keeps all that was done.
@Sendable func readJournal(_ input: [UInt8]) throws(Finding) {
  let text = String(decoding: input, as: UTF8.self)
  if let (index, namespace) = Journal.interface(inName: text) {
    try require(
      Journal.interface(inName: "\(namespace)-\(index)").map { $0 == (index, namespace) } == true,
      "the name is not read again")
  }
  if let changes = Change.changes(in: text) {
    try require(Change.text(of: changes) == text, "the changes are written in another way")
  }
  guard let record = try? Record(text: text) else { return }
  guard let again = try? Record(text: record.text) else {
    throw Finding(description: "what is written is not read: \(record.text)")
  }
  try require(again == record, "it is read as \(again), not \(record)")
  let cut = record.text + "changes threshold 1; rss"
  try require((try? Record(text: cut)) == record, "a line that is cut is counted")
}
