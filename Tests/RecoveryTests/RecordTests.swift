// SPDX-License-Identifier: GPL-2.0-only

import NIC
import Recovery
import Testing

struct RecordTests {
  private let record = Record(
    owner: 4321, host: Host(boot: "57d3f7a0-1c5b-4d3c-8f6e-2b9f0d1c2e3f", namespace: 4_026_531_840),
    device: DeviceIdentity(index: 3, driver: "mlx5_core", bus: "0000:01:00.0", address: "02aa"),
    changes: [.headerSplit(EarlierSplit(reported: .disabled)), .splitThreshold(128)])

  @Test("a record is read as it was written")
  func roundTrip() throws {
    #expect(try Record(text: record.text) == record)
    var other = record
    other.owner = 1
    other.changes = []
    other.device.bus = ""
    other.device.driver = "a driver: with spaces"
    #expect(try Record(text: other.text) == other)
  }

  @Test("a record has the text that each build of this version reads")
  func hasItsText() {
    #expect(
      record.text == """
        ncdevmem journal 3
        pid 4321
        boot 57d3f7a0-1c5b-4d3c-8f6e-2b9f0d1c2e3f
        netns 4026531840
        ifindex 3
        driver mlx5_core
        bus 0000:01:00.0
        address 02aa
        changes split 1 - 2 -; threshold 128 0

        """)
    #expect(Record.line(of: []) == "changes\n")
  }

  @Test("the last whole line counts, however much of the next one was written")
  func tornLine() throws {
    let next = Record.line(of: [.headerSplit(EarlierSplit(reported: .disabled))])
    for end in next.utf8.indices {
      #expect(try Record(text: record.text + next[..<end]) == record)
    }
    var later = record
    later.changes = [.headerSplit(EarlierSplit(reported: .disabled))]
    #expect(try Record(text: record.text + next) == later)
    later.changes = []
    #expect(try Record(text: record.text + next + Record.line(of: [])) == later)
  }

  @Test("a head that was not written to its end is no record yet")
  func tornHead() {
    let text = record.text
    for end in text.utf8.indices {
      #expect(throws: Record.Defect.unfinished) { try Record(text: String(text[..<end])) }
    }
  }

  @Test(
    "what is not the beginning of a head is no record, however short",
    arguments: [
      "\n", "x", "ncdevmem: cannot lock\n", "ncdevmem journal 12", "ncdevmem diary 3\n",
      "ncdevmem journal 3\npid 0\n", "ncdevmem journal 3\npid x", "ncdevmem journal 3\nboot 1",
      "ncdevmem journal 3\npid 1\n\n", "ncdevmem journal 3\npid 1\nboot b\nnetns n",
      "ncdevmem journal 3\npid 1\nboot b\nnetns 1\nifindex i",
      "ncdevmem journal 3\npid 1\nboot b\nnetns 1\nifindex 1\ndriver d\nbus b\naddress a\nx",
      "\u{0}",
    ])
  func malformedHead(text: String) {
    #expect(throws: Record.Defect.malformed) { try Record(text: text) }
  }

  @Test(
    "what was not written so is no record",
    arguments: [
      ("ncdevmem journal 3", "ncdevmem diary 3"), ("pid 4321", "pid 0"), ("pid 4321", "pid -1"),
      ("pid 4321", "pid x"), ("pid 4321", "owner 4321"), ("boot ", "boots "),
      ("netns 4", "netns -4"), ("ifindex 3", "ifindex 4294967296"),
      ("ifindex 3\n", "ifindex 3\n\n"),
      ("driver ", ""), ("changes ", "change "), ("changes ", "changes  "),
      ("changes ", "other\nchanges "), ("changes ", "changesplit\nchanges "), ("128", "128;"),
      ("split 1 ", "split 7 "), ("threshold 128", "threshold 128\u{0}"),
    ])
  func malformed(part: String, replacement: String) throws {
    let range = try #require(record.text.firstRange(of: part))
    let text = record.text.replacingCharacters(in: range, with: replacement)
    #expect(throws: Record.Defect.malformed) { try Record(text: text) }
  }

  @Test("what another version has written is recognised as that", arguments: [1, 2, 4])
  func otherVersion(version: Int) throws {
    let title = try #require(record.text.firstRange(of: "journal 3"))
    let text = record.text.replacingCharacters(in: title, with: "journal \(version)")
    #expect(throws: Record.Defect.ofOtherVersion) { try Record(text: text) }
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    var copy = self
    copy.replaceSubrange(range, with: text)
    return copy
  }
}
