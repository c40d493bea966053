// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import NIC
import TestSupport
import Testing

struct ReceiveLossesTests {
  /// Reads what the frames lost by queue 3 count in, with a directory for the interface's counters.
  private func losses(
    of device: CountingDevice, interface: [String: String] = [:]
  ) throws -> ReceiveLosses {
    let directory = try Directory()
    for (name, text) in interface {
      try directory.write(text, to: "sys/class/net/eth0/statistics/\(name)")
    }
    var eth0 = try Interface(behind: device)
    return eth0.receiveLosses(on: [3], in: SystemFiles(below: directory.path))
  }

  /// Names of the drivers', of the kinds that there are (`gve_ethtool.c`, `mlx5/core/en_stats.c`,
  /// `bnxt_ethtool.c`, `fbnic_ethtool.c`, `virtio_net.c`), and whether they count here.
  @Test(
    "a driver's counters of lost frames are known by their names, those of other queues left out",
    arguments: [
      ("rx_dropped", true), ("rx_buf_alloc_fail", true), ("rx_no_buffers_posted[3]", true),
      ("rx_no_buffers_posted[13]", false), ("rx_drops_invalid_checksum[3]", true),
      ("tx_dropped", false), ("rx_hsplit_pkt", false), ("adminq_cmd_fail", false),
      ("rx_out_of_buffer", true), ("rx_buff_alloc_err", true), ("rx3_buff_alloc_err", true),
      ("rx2_buff_alloc_err", false), ("rx3_pp_alloc_fast", false), ("tx3_dropped", false),
      ("rx_prio2_discards", true), ("rx_steer_missed_packets", true), ("rx_discards_phy", true),
      ("rx_total_oom_discards", true), ("[3]: rx_discards", true), ("[2]: rx_discards", false),
      ("[3]: tx_discards", false), ("rx_discard_bytes_cos0", false), ("missed_irqs", false),
      ("rde_3_pkt_bdq_drop", true), ("rde_2_pkt_bdq_drop", false), ("rxb_fifo2_drop", true),
      ("tti_cm_drop_frames", false), ("xdp_tx_queue_3_dropped", false),
      ("rx_queue_3_drops", true), ("rx_queue_2_drops", false), ("rx3_drops", true),
    ])
  func knowsNames(name: String, counts: Bool) throws {
    let counters = try losses(of: CountingDevice(["rx_packets", name])).counters
    #expect(counters.map(\.name) == (counts ? [name] : []))
    if counts { #expect(counters.first?.value == 101) }
  }

  @Test("the interface's own counters are read, too, but the one of frames that nobody wants")
  func readsInterface() throws {
    let found = try losses(
      of: CountingDevice([]), interface: ["rx_missed_errors": "7\n", "rx_dropped": "9\n"])
    #expect(found.counters.map(\.name) == ["rx_missed_errors"])
    #expect(found.total.map(\.value) == [7])
  }

  @Test("counters whose number changes while they are read are left out")
  func leavesOutChanging() throws {
    let device = CountingDevice(["rx_dropped"])
    device.isChanging = true
    #expect(try losses(of: device, interface: ["rx_over_errors": "1"]).counters.count == 1)
  }

  @Test("what grew comes in order of size, and what began anew not at all")
  func grows() {
    var (before, after) = (ReceiveLosses(), ReceiveLosses())
    for (name, (then, now)) in [("a", (5, 5)), ("b", (1, 4)), ("c", (9, 2)), ("d", (0, 8))] {
      before.add(name, UInt64(then))
      after.add(name, UInt64(now))
    }
    before.add("a", 1)
    after.add("e", 100)
    #expect(after.growth(since: before).map(\.name) == ["d", "b"])
    #expect(after.growth(since: before).map(\.value) == [8, 3])
    #expect(before.total.map(\.name) == ["c", "a", "b"])
    #expect(after.growth(since: after).isEmpty)
  }

  @Test("a counter says whether it was memory that frames were lost for")
  func knowsMemory() {
    var losses = ReceiveLosses()
    let ofMemory = [
      "rx_no_buffers_posted[3]", "rx_out_of_buffer", "rx_total_oom_discards", "rx-alloc-fail",
      "rde_3_pkt_bdq_drop",
    ]
    for name in ofMemory + ["rx_dropped", "rde_3_pkt_cq_drop"] { losses.add(name, 1) }
    #expect(losses.counters.filter(\.isOfMemory).map(\.name) == ofMemory)
  }
}
