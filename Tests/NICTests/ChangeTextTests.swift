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

  /// 192.0.2.1, port 5201, and from anywhere; then what of that counts; each filled up to the size of
  /// `h_u` and `h_ext`.
  private static let match = "00000000c000020100001451" + String(repeating: "0", count: 120)
  private static let mask = "00000000ffffffff0000ffff" + String(repeating: "0", count: 120)

  @Test(
    "a change has the text that each build of this version reads",
    arguments: [
      (
        .headerSplit(
          EarlierSplit(reported: .disabled, configured: .automatic), made: [.enabled, .automatic],
          threshold: 128), "split 1 0 2,0 128"
      ),
      (.headerSplit(EarlierSplit(reported: .enabled), made: []), "split 2 - - -"),
      (.headerSplit(EarlierSplit(reported: .enabled)), "split 2 - 2 -"),
      (.splitThreshold(9, made: 8), "threshold 9 8"),
      (.splitThreshold(9), "threshold 9 0"),
      (.ringSizes(RingSizes(receive: 7), made: nil), "rings 7 -"),
      (
        .ringSizes(RingSizes(receive: 1, transmit: 2), made: RingSizes(transmit: 4)),
        "rings 1 2 - 4"
      ),
      (.channels(channels, made: nil), "channels 1 2 3 4 4294967295"),
      (.channels(channels, made: channels), "channels 1 2 3 4 4294967295 1 2 3 4 4294967295"),
      (.privateFlags(5, touched: 4), "flags 5 4"),
      (.feature(name: "rx-ntuple-filter", requested: true), "feature rx-ntuple-filter on"),
      (.feature(name: "rx-ntuple-filter", requested: false), "feature rx-ntuple-filter off"),
      (
        .rss(
          RSS(table: [0, 1], key: [0, 255], function: 4, transform: 2), isDefault: true,
          made: RSS(table: [])), "rss 0,1 00ff 4 2 default - - 0 0"
      ),
      (
        .rss(RSS(table: [3]), isDefault: false, made: RSS(table: [5])),
        "rss 3 - 0 0 configured 5 - 0 0"
      ),
      (.context(id: nil, table: [2, 3], others: []), "context - 2,3 -"),
      (.context(id: 1, table: [], others: [4, 5]), "context 1 - 4,5"),
      (
        .flowRule(
          FlowRule(
            FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 5201)), to: .queue(2), location: 7),
          replaced: []), "rule 7:1:\(match):\(mask):2:0"
      ),
    ] as [(Change, String)])
  func hasItsText(change: Change, text: String) {
    #expect(Change.text(of: [change]) == text)
    #expect(Change.changes(in: text) == [change])
    #expect(Change.text(of: [change, change]) == "\(text); \(text)")
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

  @Test("a rule's values and its mask have the size of the kernel's structures")
  func sizesOfRules() {
    func reads(_ match: Substring, _ mask: Substring) -> Bool {
      Change.changes(in: "rule 7:1:\(match):\(mask):2:0") != nil
    }
    #expect(reads(Self.match[...], Self.mask[...]))
    #expect(!reads(Self.match.dropLast(2), Self.mask[...]))
    #expect(!reads(Self.match[...], Self.mask.dropLast(2)))
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
