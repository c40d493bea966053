// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import NIC
import TestSupport
import Testing

struct ChangeTextTests {
  private static let flow = FlowTuple(
    to: .init(IPAddress("2001:db8::1")!, port: 5201),
    from: .init(IPAddress("2001:db8::2")!, port: 5201))
  private static let rule = FlowRule(flow, to: .context(3), location: 7)

  private static let channels = Channels(
    receive: 1, transmit: 2, other: 3, combined: 4, maximumCombined: .max)

  private static let changes: [Change] = [
    .headerSplit(EarlierSplit(reported: .automatic, configured: .automatic), made: [.enabled]),
    .headerSplit(EarlierSplit(reported: .disabled), made: [], threshold: .max),
    .headerSplit(
      EarlierSplit(reported: .enabled, configured: .enabled),
      made: [.automatic, .disabled, .enabled], threshold: 1),
    .ringSizes(RingSizes(receive: 8191), made: nil),
    .ringSizes(RingSizes(receive: 1, transmit: 2), made: RingSizes(transmit: .max)),
    .channels(channels, made: nil), .channels(channels, made: channels),
    .splitThreshold(0, made: .max), .splitThreshold(.max, made: 0),
    .privateFlags(0x8000_0001, touched: 2),
    .feature(name: "rx-ntuple-filter", requested: false, rules: [rule, rule]),
    .feature(name: "rx-ntuple-filter", requested: true),
    .rss(RSS(table: [0, 1, 2, 0, 1, 2]), isDefault: true, made: RSS(table: [0, 1])),
    .rss(
      RSS(table: [], key: [0, 15, 16, 255], function: 4, transform: 1), isDefault: false,
      made: RSS(table: [7], key: [1], function: 1, transform: 2)),
    .context(id: nil, table: [2, 3], others: []),
    .context(id: .max, table: [], others: [1, .max]),
    .flowRule(FlowRule(flow.fromAnywhere, to: .queue(2)), replaced: []),
    .flowRule(rule, replaced: [rule, FlowRule(flow, to: .queue(0), location: 0)]),
  ]

  @Test("each change is read as it was written", arguments: changes)
  func oneChange(change: Change) {
    let text = Change.text(of: [change])
    #expect(!text.contains("\n"))
    #expect(Change.changes(in: text) == [change])
  }

  @Test("changes come back in their order, and none from no text")
  func allChanges() {
    #expect(Change.changes(in: Change.text(of: Self.changes)) == Self.changes)
    #expect(Change.text(of: []) == "")
    #expect(Change.changes(in: "") == [])
  }

  @Test("a whole set-up can be undone from its text")
  func setUp() throws {
    let nic = ScriptedNIC()
    nic.threshold = 128
    var interface = try nic.interface()
    let before = try interface.state()
    var transaction = Transaction(on: interface)
    try transaction.enableHeaderSplit()
    try transaction.moveRSS(off: [3])
    try transaction.steer(Self.flow, to: .queue(3))
    _ = try transaction.createContext(over: [3])
    let text = Change.text(of: transaction.changes)
    let changes = try #require(Change.changes(in: text))
    var other = Transaction(on: try nic.interface(), resuming: changes)
    #expect(other.undo().isEmpty)
    interface = try nic.interface()
    #expect(try interface.state() == before)
  }

  @Test(
    "what was not written so is nothing",
    arguments: [
      " ", ";", "; ", "split", "split ", "split 1", "split 1 2", "split 3 0 2 -",
      "split 256 0 2 -", "split -1 0 2 -", "split +1 0 2 -", "split 01 0 2 -", "split 1 0 3 -",
      "split 1 3 2 -", "split 1 0 2 x", "split 1 0 2, -", "split 1 0 2 - ", " split 1 0 2 -",
      "split  1 0 2 -", "split 1 0 2 -;", "split 1 0 2 -; ", "split 1 0 2 -;threshold 2 0",
      "split 1 0 2 -; nonsense 2", "splits 1 0 2 -", "rings", "rings 1", "rings 1 2 3",
      "rings x 2", "rings 1 2 3 x", "rings 1 2 3 4 5", "channels", "channels 1 2 3 4",
      "channels 1 2 3 4 5 6", "channels 1 2 3 4 -", "channels 1 2 3 4 5 6 7 8 9 x", "threshold 1",
      "threshold 4294967296 0",
      "threshold 0x10 0", "flags 1", "flags 1 2 3", "feature x", "feature x ON", "feature  on",
      "feature x on 1", "rss 0,1 00 1 0 default", "rss 0,1 00 1 0 perhaps 0 00 1 0",
      "rss 0,,1 00 1 0 default 0 00 1 0", "rss ,0 00 1 0 default 0 00 1 0",
      "rss 0, 00 1 0 default 0 00 1 0", "rss 0 0 1 0 default 0 00 1 0",
      "rss 0 0g 1 0 default 0 00 1 0", "rss 0 +1 1 0 default 0 00 1 0",
      "rss 0 AB 1 0 default 0 00 1 0", "rss 0 00 256 0 default 0 00 1 0",
      "rss 0 00 1 0 default 0 00 1 256", "rss 0 00 1 0 default 0 00 1 0 set",
      "context 1 2", "context x 2 -", "context - 2 1,", "rule", "rule 1", "rule 1:2:3:4:5:6",
      "rule 0:1::::0", "\u{0}split 1 0 2 -", "split 1 0 2 -\n",
      "split \u{661} 0 2 -",
    ])
  func hostile(text: String) {
    #expect(Change.changes(in: text) == nil)
  }

  @Test("no part of a line that was cut is taken for a line of changes made by then")
  func cut() {
    let text = Change.text(of: Self.changes)
    for end in text.utf8.indices {
      // What reads as changes must be the first of them: a cut number is another number, which is
      // why only whole lines count.
      let part = String(text[..<end])
      guard let changes = Change.changes(in: part) else { continue }
      #expect(changes.dropLast() == Self.changes.prefix(max(0, changes.count - 1)))
    }
  }
}
