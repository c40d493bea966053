// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What counts the frames that an interface should have received and has lost: those counters that it
/// really has, by the names that it gives them. The names differ from driver to driver
/// (`gve_ethtool.c`, `mlx5/core/en_stats.c`, `bnxt_ethtool.c`, `fbnic_ethtool.c`).
package struct ReceiveLosses: Equatable, Sendable {
  /// One of them.
  package struct Counter: Equatable, Sendable {
    /// What a user can look for, such as `rx_out_of_buffer`.
    package let name: String
    /// Frames.
    package let value: UInt64
  }

  /// In the order in which they were found; each name is there once.
  package private(set) var counters: [Counter] = []

  /// No counter.
  package init() {}

  /// Adds a counter, unless there is one of the name.
  package mutating func add(_ name: String, _ value: UInt64) {
    guard !counters.contains(where: { $0.name == name }) else { return }
    counters.append(Counter(name: name, value: value))
  }

  /// By how much counters grew since an earlier reading, the most frames first. One that began anew
  /// shows nothing.
  package func growth(since earlier: ReceiveLosses) -> [Counter] {
    let before = Dictionary(uniqueKeysWithValues: earlier.counters.map { ($0.name, $0.value) })
    return Self.sorted(
      counters.compactMap { counter in
        guard let then = before[counter.name], counter.value > then else { return nil }
        return Counter(name: counter.name, value: counter.value - then)
      })
  }

  /// Those that are not 0, the most frames first.
  package var total: [Counter] { Self.sorted(counters.filter { $0.value > 0 }) }

  private static func sorted(_ counters: [Counter]) -> [Counter] {
    counters.enumerated().sorted {
      ($1.element.value, $0.offset) < ($0.element.value, $1.offset)
    }.map(\.element)
  }
}

extension ReceiveLosses.Counter {
  /// Whether these frames were lost for want of memory to receive them into, by the words in the
  /// name. Of fbnic's descriptor queues (`bdq`) one has the memory for payload.
  package var isOfMemory: Bool {
    ["alloc", "no_buf", "out_of_buf", "oom", "bdq"].contains(where: name.contains)
  }
}

extension ReceiveLosses {
  /// Whether a driver's counter counts frames that were received and lost, by the words in its name.
  static func counts(_ name: String) -> Bool {
    let lossWords = [
      "drop", "discard", "no_buf", "out_of_buf", "alloc_fail", "alloc_err", "missed",
    ]
    guard lossWords.contains(where: name.contains) else { return false }
    let words = name.split { !$0.isLetter && !$0.isNumber }
    // Frames to be sent, also by XDP; bytes of frames that are counted, too; no frames at all.
    return !words.contains { ["bytes", "irqs", "tti"].contains($0) || isNumbered($0, "tx") }
  }

  /// The RX queue that a driver's counter is of, by its name; `nil` where that names none.
  static func queue(of name: String) -> UInt32? {
    // As gve and bnxt write it: `rx_dropped_pkt[3]`, `[3]: rx_discards`.
    if let start = name.firstIndex(of: "["), let end = name[start...].firstIndex(of: "]") {
      return UInt32(name[name.index(after: start)..<end])
    }
    let words = name.split { !$0.isLetter && !$0.isNumber }
    // As mlx5 does: `rx3_buff_alloc_err`.
    if let word = words.first(where: { $0 != "rx" && isNumbered($0, "rx") }) {
      return UInt32(word.dropFirst(2))
    }
    // As fbnic and others do: `rde_3_pkt_bdq_drop`, `rx_queue_3_drops`.
    for (word, next) in zip(words, words.dropFirst())
    where ["queue", "rde", "rx"].contains(word) {
      if let queue = UInt32(next) { return queue }
    }
    return nil
  }

  /// Whether a word is another one, which a number may follow.
  private static func isNumbered(_ word: Substring, _ other: String) -> Bool {
    word.hasPrefix(other) && word.dropFirst(other.count).allSatisfy(\.isNumber)
  }
}

extension Interface {
  /// Reads what counts the frames lost by some queues, or by all together: the driver's own counters
  /// and those of the interface (`rtnl_link_stats64`). Counters that cannot be read are left out.
  ///
  /// The interface's `rx_dropped` is not among them: the kernel counts there each frame that no
  /// protocol wants, too (`net/core/dev.c`, `__netif_receive_skb_core`), such as LLDP's.
  package mutating func receiveLosses(
    on queues: Set<UInt32>, in files: SystemFiles = SystemFiles()
  ) -> ReceiveLosses {
    var losses = ReceiveLosses()
    for counter in (try? driverCounters()) ?? [] where ReceiveLosses.counts(counter.name) {
      guard ReceiveLosses.queue(of: counter.name).map(queues.contains) ?? true else { continue }
      losses.add(counter.name, counter.value)
    }
    for name in ["rx_missed_errors", "rx_over_errors", "rx_fifo_errors"] {
      let value = files.number("/sys/class/net/\(self.name)/statistics/\(name)")
      if let value { losses.add(name, UInt64(clamping: value)) }
    }
    return losses
  }
}
