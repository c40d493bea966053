// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// Changes to one interface that are undone together. They are not undone automatically: their
/// owner calls `undo` on every way out, after all bindings have ended, for the kernel refuses to
/// disable header split while one exists.
package struct Transaction: ~Copyable {
  /// The interface, owned for as long as it is changed.
  package var interface: Interface

  /// The changes recorded so far, in the order made.
  package private(set) var changes: [Change]

  /// Where the changes are recorded for other processes.
  private var log: (any ChangeLog & ~Copyable)?

  /// Begins a transaction.
  ///
  /// - Parameters:
  ///   - changes: What an earlier process recorded and did not undo.
  ///   - log: What remembers the changes if this process dies.
  package init(
    on interface: consuming Interface, resuming changes: [Change] = [],
    notedIn log: consuming (any ChangeLog & ~Copyable)? = nil
  ) {
    self.interface = interface
    self.changes = changes
    self.log = log
  }

  /// Undoes all changes, the last one first; one that cannot be undone does not stop the others. It
  /// stays recorded, so that a later call tries it again.
  ///
  /// - Returns: The failures in the order of the attempts; none if all is as it was.
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
    updateLog()
    return failures
  }

  /// Splits headers from payload, all payload: what a binding needs. A driver without the ring
  /// parameter is switched by its private flag.
  ///
  /// - Throws: The driver's refusal, of the kind `unsupported` where it has neither; a failure
  ///   without errno where the split was set and is not in force.
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

  /// Leaves header split to the driver. The kernel then takes it as not enabled, and refuses every
  /// bind.
  package mutating func disableHeaderSplit() throws(Failure) {
    _ = try setHeaderSplit(.automatic)
  }

  /// Sends flows that no rule steers to the other queues, equally. A table that avoids the queues
  /// already stays as it is.
  ///
  /// - Parameter queues: The queues to be bound.
  /// - Throws: A failure of the kind `usage` where no other queue is left, of the kind
  ///   `unsupported` where there is no RSS table.
  package mutating func moveRSS(off queues: Set<UInt32>) throws(Failure) {
    let others = try interface.queues(besides: queues)
    let before = try interface.rss()
    guard !before.table.isEmpty else {
      throw interface.refusal(
        "move RSS off the queues of", .notSupported, reason: "it has no RSS table")
    }
    guard before.firstEntry(naming: queues) != nil else { return }
    let count = try interface.receiveQueueCount
    try record(.rss(before, isDefault: before.isDefault(queueCount: count)))
    try interface.setRSSTable(before.table.indices.map { others[$0 % others.count] })
  }

  /// Proves that no RSS table names one of the queues, except those of contexts that this
  /// transaction created. The kernel does not check it, and plain traffic on a bound queue is lost
  /// to its sockets.
  ///
  /// - Throws: A failure without errno that names the entry or the context.
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

  /// Records a change that is about to be made. The first record of a setting stays.
  ///
  /// - Throws: What the log throws: then the change must not be made.
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

  /// Replaces the last record, once the driver has reported what it chose; drops it where the
  /// driver refused.
  mutating func amend(_ change: Change?) {
    changes.removeLast()
    if let change { changes.append(change) }
    updateLog()
  }

  /// Writes to the log what has become known of changes already made. A failure to write is
  /// ignored: the log's older line is enough, since an undo looks up what the line lacks and skips
  /// what is undone already.
  private mutating func updateLog() {
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
      updateLog()
      let flags = try interface.privateFlags()
      guard let switched = flags.splittingHeaders(split == .enabled) else { throw error }
      try record(.privateFlags(flags.values))
      try interface.setPrivateFlags(switched.values)
      return true
    }
  }
}

/// What remembers a transaction's changes after its process has ended: a journal, or a test's list.
package protocol ChangeLog: ~Copyable {
  /// Stores what an undo would have to undo from now on, in the order made, in place of what was
  /// stored before. After the return the process may die at any point.
  ///
  /// - Throws: Why it cannot be stored.
  mutating func note(_ changes: [Change]) throws(Failure)
}
