// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Preflight
import Testing

struct CheckReportTests {
  private let kernel = Finding("kernel", Observation(.ok, "Linux 7.3"))
  private let offloads = Finding("gro", Observation(.warn, "off", do: "ethtool -K eth0 gro on"))
  private let link = Finding("link", Observation(.missing, "down", do: "ip link set eth0 up"))
  private let queues = Finding("queues", Observation(.unknown, "not seen", do: "add --probe"))
  private let gone = Failure("find the interface", on: "of index 7", errno: .noDevice)

  private func report(_ name: String, _ findings: Finding...) -> CheckReport {
    CheckReport(name, .success(findings))
  }

  @Test("as KTAP, a warning passes with a remark, what is missing fails, the unknown is skipped")
  func ktap() {
    #expect(
      report("eth0", kernel, offloads, link, queues).ktap == """
        KTAP version 1
        1..4
        ok 1 kernel # Linux 7.3
        # gro: warn: off -> ethtool -K eth0 gro on
        ok 2 gro
        not ok 3 link # down -> ip link set eth0 up
        ok 4 queues # SKIP not seen -> add --probe
        # eth0: not ready; missing: link
        # Totals: pass:2 fail:1 xfail:0 xpass:0 skip:1 error:0
        """)
  }

  @Test("as KTAP, nothing fails of a check that could not find out: it ends with a skip's status")
  func ktapOfUnknown() {
    let privilege = Finding("privilege", Observation(.missing, "no CAP_NET_ADMIN"))
    let hidden = report("eth0", privilege, queues)
    #expect(hidden.failure?.exitStatus() == 4)
    #expect(
      hidden.ktap == """
        KTAP version 1
        1..2
        ok 1 privilege # SKIP no CAP_NET_ADMIN
        ok 2 queues # SKIP not seen -> add --probe
        # eth0: unknown; could not check: privilege, queues
        # Totals: pass:0 fail:0 xfail:0 xpass:0 skip:2 error:0
        """)
  }

  @Test("as KTAP, each of several interfaces is a test that ends as its check does")
  func ktapOfSeveral() {
    let reports = [
      report("eth0", kernel, link), report("eth1", kernel, offloads), report("eth2", queues),
      CheckReport("eth3", .failure(gone)),
    ]
    #expect(
      CheckReport.ktap(of: reports) == """
        KTAP version 1
        1..4
          KTAP version 1
          1..2
          ok 1 kernel # Linux 7.3
          not ok 2 link # down -> ip link set eth0 up
          # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:0
        not ok 1 eth0 # missing: link
          KTAP version 1
          1..2
          ok 1 kernel # Linux 7.3
          # gro: warn: off -> ethtool -K eth0 gro on
          ok 2 gro
          # Totals: pass:2 fail:0 xfail:0 xpass:0 skip:0 error:0
        ok 2 eth1
          KTAP version 1
          1..1
          ok 1 queues # SKIP not seen -> add --probe
          # Totals: pass:0 fail:0 xfail:0 xpass:0 skip:1 error:0
        ok 3 eth2 # SKIP could not check: queues
        not ok 4 eth3 # cannot find the interface of index 7: ENODEV (No such device)
        # Totals: pass:1 fail:2 xfail:0 xpass:0 skip:1 error:0
        """)
  }

  @Test("as text, each line of several interfaces begins with the name of its own")
  func text() {
    #expect(report("eth0", kernel).text == "ok       kernel              Linux 7.3")
    let reports = [
      report("eth0", kernel, link), report("ens10", queues), CheckReport("lo", .failure(gone)),
    ]
    #expect(
      CheckReport.text(of: reports) == """
        eth0   ok       kernel              Linux 7.3
        eth0   missing  link                down -> ip link set eth0 up

        ens10  unknown  queues              not seen -> add --probe

        lo     unknown  check               \
        cannot find the interface of index 7: ENODEV (No such device)
        """)
    #expect(
      reports.map(\.line) == [
        "eth0: not ready; missing: link", "ens10: unknown; could not check: queues",
        "lo: cannot find the interface of index 7: ENODEV (No such device)",
      ])
  }
}
