// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct KTAPTests {
  @Test("tests are counted, numbered and summed up, each with what there is to say of it")
  func documents() {
    let text = KTAP.document(
      [
        KTAP.Case("link", .pass("up")),
        KTAP.Case("gro", .pass(""), remarks: ["gro: warn: off -> on"]),
        KTAP.Case("rss", .fail("no table")),
        KTAP.Case("queues", .skip("cannot see them")),
        KTAP.Case("iommu", .skip("")),
      ], remarks: ["eth0: not ready"])
    #expect(
      text == """
        KTAP version 1
        1..5
        ok 1 link # up
        # gro: warn: off -> on
        ok 2 gro
        not ok 3 rss # no table
        ok 4 queues # SKIP cannot see them
        ok 5 iommu # SKIP
        # eth0: not ready
        # Totals: pass:2 fail:1 xfail:0 xpass:0 skip:2 error:0
        """)
  }

  @Test("subtests stand indented before their test, and count for themselves")
  func nests() {
    let subtests = [KTAP.Case("a", .pass("")), KTAP.Case("b", .fail("not b"), remarks: ["why"])]
    let text = KTAP.document([
      KTAP.Case("eth0", .fail("missing: b"), subtests: subtests),
      KTAP.Case("eth1", .pass("")),
    ])
    #expect(
      text == """
        KTAP version 1
        1..2
          KTAP version 1
          1..2
          ok 1 a
          # why
          not ok 2 b # not b
          # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:0
        not ok 1 eth0 # missing: b
        ok 2 eth1
        # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:0
        """)
  }

  @Test(
    "no text makes a line, a field or a directive that is not meant",
    arguments: [
      (KTAP.Case("eth#0\u{1b}", .pass("")), "ok 1 eth\\x230\\x1b"),
      (KTAP.Case("a", .pass("b\n2..3 # c\u{7f}")), "ok 1 a # b\\x0a2..3 # c\\x7f"),
      (KTAP.Case("a", .fail("b\rc")), "not ok 1 a # b\\x0dc"),
      (KTAP.Case("a", .skip("b\nc")), "ok 1 a # SKIP b\\x0ac"),
      (KTAP.Case("a", .pass("Skipped some")), "ok 1 a # (Skipped some)"),
      (KTAP.Case("a", .fail("TIMEOUT 5")), "not ok 1 a # (TIMEOUT 5)"),
      (KTAP.Case("a", .pass("ä"), remarks: ["b\nok 2 c"]), "# b\\x0aok 2 c\nok 1 a # ä"),
    ])
  func escapes(test: KTAP.Case, lines: String) {
    let text = KTAP.document([test])
    #expect(text.hasPrefix("KTAP version 1\n1..1\n\(lines)\n# Totals: "))
  }
}
