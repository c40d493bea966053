// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// Changes to one interface that are undone together. Nothing is undone by itself: who makes
/// changes calls `undo` on every way out, after bindings are gone, for the kernel refuses to
/// disable header split while one lives.
package struct Transaction: ~Copyable {
  /// The interface, owned for as long as it is changed.
  package var interface: Interface

  /// What was recorded, in the order done.
  package private(set) var changes: [Change]

  /// Where they are recorded for others.
  private var log: (any ChangeLog & ~Copyable)?

  /// Begins a transaction.
  ///
  /// - Parameters:
  ///   - changes: What an earlier process recorded and did not undo.
  ///   - log: What is to remember the changes if this process dies.
  package init(
    on interface: consuming Interface, resuming changes: [Change] = [],
    notedIn log: consuming (any ChangeLog & ~Copyable)? = nil
  ) {
    self.interface = interface
    self.changes = changes
    self.log = log
  }

  /// Undoes the changes, the last one first, each whether or not the others can be. What cannot be
  /// undone stays recorded, so that it can be tried again.
  ///
  /// - Returns: Why changes could not be undone, in the order tried; none if all is as it was.
  package mutating func undo() -> [Failure] {
    guard !changes.isEmpty else { return [] }
    var failures: [Failure] = []
    var left: [Change] = []
    for change in changes.reversed() {
      do throws(Failure) {
        try interface.undo(change)
      } catch {
        failures.append(error)
        left.append(change)
      }
    }
    changes = left.reversed()
    noteLess()
    return failures
  }

  /// Splits headers from payload, all payload: what a binding needs. A driver without the ring
  /// parameter is asked by its private flag.
  package mutating func enableHeaderSplit() throws(Failure) {
    let isByFlag = try setHeaderSplit(.enabled)
    if let threshold = try interface.rings().threshold, threshold != 0 {
      try record(.splitThreshold(threshold))
      try interface.setSplitThreshold(0)
    }
    let now = try interface.rings()
    let isEnabled =
      isByFlag ? try interface.privateFlags().splitsHeaders : now.split == .enabled
    guard isEnabled, now.threshold ?? 0 == 0 else {
      throw interface.refusal(
        "enable header split of", nil,
        reason: "it was set, but the driver reports tcp-data-split \(now.split)"
          + (now.threshold.map { ", hds-thresh \($0)" } ?? ""))
    }
  }

  /// Leaves header split to the driver: to the kernel it is then not enabled, and nothing can be
  /// bound.
  package mutating func disableHeaderSplit() throws(Failure) {
    _ = try setHeaderSplit(.automatic)
  }

  /// Sends flows that no rule steers to the other queues, equally. A table that avoids the queues
  /// already is left as it is.
  ///
  /// - Parameter queues: The queues to be bound.
  /// - Throws: A failure of the kind `usage` where no other queue is left.
  package mutating func moveRSS(off queues: Set<UInt32>) throws(Failure) {
    let operation = "move RSS off the queues of"
    let count = try interface.receiveQueueCount
    let others = (0..<count).filter { !queues.contains($0) }
    guard !others.isEmpty else {
      var failure = interface.refusal(
        operation, nil, reason: "it has too few: \(count), all to be bound",
        hint: "bind fewer (-q), or add some: `ethtool -L \(interface.name) combined N`")
      failure.kind = .usage
      throw failure
    }
    let before = try interface.rss()
    guard !before.table.isEmpty else {
      throw interface.refusal(operation, .notSupported, reason: "it has no RSS table")
    }
    guard before.firstEntry(naming: queues) != nil else { return }
    try record(.rss(before, isDefault: before.isDefault(queueCount: count)))
    try interface.setRSSTable(before.table.indices.map { others[$0 % others.count] })
  }

  /// Proves that no RSS table names one of the queues, but those of contexts that this transaction
  /// created. The kernel does not check it, and plain traffic on a bound queue is lost to its
  /// sockets.
  package mutating func proveRSSAvoids(_ queues: Set<UInt32>) throws(Failure) {
    let operation = "keep other traffic off the queues of"
    let main = try ifSupported { () throws(Failure) in try interface.rss() }
    if let entry = main?.firstEntry(naming: queues), let queue = main?.table[entry] {
      throw interface.refusal(
        operation, nil, reason: "RSS table entry \(entry) names queue \(queue)",
        hint: "something else sets RSS: stop it, or set it by hand and run with -n")
    }
    let own = changes.compactMap { if case .context(let id, _, _) = $0 { id } else { nil } }
    for (id, table) in try interface.rssContexts() where !own.contains(id) {
      guard let queue = table.first(where: { queues.contains($0) }) else { continue }
      throw interface.refusal(
        operation, nil, reason: "RSS context \(id) names queue \(queue)",
        hint: "choose other queues (-t), or change it: `ethtool -x \(interface.name) context \(id)`"
      )
    }
  }

  /// Records a change that is about to be made. Of one setting the earliest record stands.
  ///
  /// - Throws: What the log throws; the change must not be made then.
  mutating func record(_ change: Change) throws(Failure) {
    let isKnown = changes.contains { earlier in
      switch (earlier, change) {
      case (.headerSplit, .headerSplit), (.splitThreshold, .splitThreshold),
        (.privateFlags, .privateFlags), (.rss, .rss):
        true
      case (.feature(let one, _), .feature(let other, _)): one == other
      default: false
      }
    }
    guard !isKnown else { return }
    changes.append(change)
    try log?.note(changes)
  }

  /// Replaces the record made last, once the driver has told what it chose; forgets it where the
  /// driver refused.
  mutating func amend(_ change: Change?) {
    changes.removeLast()
    if let change { changes.append(change) }
    noteLess()
  }

  /// Has the log follow what is known of changes already made. Where it cannot, what it has still
  /// undoes them: undoing finds what a record leaves open, and does no harm the second time.
  private mutating func noteLess() {
    do throws(Failure) { try log?.note(changes) } catch {}
  }

  /// Sets the split by ring parameter, or by private flag.
  ///
  /// - Returns: Whether it was the private flag.
  private mutating func setHeaderSplit(_ split: HeaderSplit) throws(Failure) -> Bool {
    try record(.headerSplit(try interface.rings().split))
    do throws(Failure) {
      try interface.setHeaderSplit(split)
      return false
    } catch {
      guard error.errno == .notSupported else { throw error }
      changes.removeAll { if case .headerSplit = $0 { true } else { false } }
      noteLess()
      let flags = try interface.privateFlags()
      guard let switched = flags.splittingHeaders(split == .enabled) else { throw error }
      try record(.privateFlags(flags.values))
      try interface.setPrivateFlags(switched.values)
      return true
    }
  }
}
