// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import NIC
import Testing

struct ChangeTests {
  private static let few = Channels(
    receive: 0, transmit: 0, other: 1, combined: 2, maximumCombined: 8)
  private static let many = Channels(
    receive: 0, transmit: 0, other: 1, combined: 8, maximumCombined: 8)
  private static let rule = FlowRule(
    FlowTuple(to: .init(IPAddress("192.0.2.1")!, port: 5201)), to: .queue(2), location: 7)

  @Test(
    "a later change of the same setting adds what it made; what was there first stays",
    arguments: [
      (
        .headerSplit(EarlierSplit(reported: .disabled), made: [.enabled], threshold: 128),
        .headerSplit(EarlierSplit(reported: .enabled), made: [.enabled, .automatic]),
        .headerSplit(
          EarlierSplit(reported: .disabled), made: [.enabled, .automatic], threshold: 128)
      ),
      (
        .headerSplit(EarlierSplit(reported: .disabled)),
        .headerSplit(EarlierSplit(reported: .enabled), threshold: 64),
        .headerSplit(EarlierSplit(reported: .disabled), made: [.enabled], threshold: 64)
      ),
      (
        .headerSplit(EarlierSplit(reported: .disabled), threshold: 128),
        .headerSplit(EarlierSplit(reported: .enabled), threshold: 0),
        .headerSplit(EarlierSplit(reported: .disabled), threshold: 128)
      ),
      (
        .splitThreshold(128, made: 64), .splitThreshold(64, made: 32),
        .splitThreshold(128, made: 32)
      ),
      (
        .ringSizes(RingSizes(receive: 1), made: RingSizes(receive: 2)),
        .ringSizes(RingSizes(receive: 2), made: RingSizes(receive: 3)),
        .ringSizes(RingSizes(receive: 1), made: RingSizes(receive: 3))
      ),
      (
        .channels(many, made: few), .channels(few, made: nil), .channels(many, made: nil)
      ),
      // Of the flags that were touched before, only the first record knows the state.
      (
        .privateFlags(0b1001, touched: 0b0011), .privateFlags(0b0110, touched: 0b0100),
        .privateFlags(0b0101, touched: 0b0111)
      ),
      (
        .feature(name: "rx-ntuple-filter", requested: false, rules: [rule]),
        .feature(name: "rx-ntuple-filter", requested: true),
        .feature(name: "rx-ntuple-filter", requested: false, rules: [rule])
      ),
      (
        .rss(RSS(table: [0]), isDefault: true, made: RSS(table: [1])),
        .rss(RSS(table: [1]), isDefault: false, made: RSS(table: [2])),
        .rss(RSS(table: [0]), isDefault: true, made: RSS(table: [2]))
      ),
    ] as [(Change, Change, Change)])
  func joins(first: Change, second: Change, both: Change) {
    #expect(first.followed(by: second) == both)
  }

  @Test(
    "changes of different settings stay apart, and so do all contexts and rules",
    arguments: [
      (.splitThreshold(1), .privateFlags(1, touched: 1)),
      (
        .feature(name: "rx-ntuple-filter", requested: false),
        .feature(name: "rx-gro-hw", requested: true)
      ),
      (
        .context(id: 1, table: [0], others: []), .context(id: 1, table: [0], others: [])
      ),
      (.flowRule(rule, replaced: []), .flowRule(rule, replaced: [])),
    ] as [(Change, Change)])
  func staysApart(first: Change, second: Change) {
    #expect(first.followed(by: second) == nil)
  }
}
