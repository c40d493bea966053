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
  /// stays recorded, so that a later call tries it again. What somebody else has set since stays as
  /// it is, and is no longer recorded: it is no failure, for it is not this tool's any more.
  ///
  /// - Parameter report: Takes a line about each thing that stays as somebody else has set it.
  /// - Returns: The failures in the order of the attempts, of the kind `failed`; none if nothing is
  ///   left that this transaction made.
  package mutating func undo(
    reportingTo report: (String) -> Void = { Diagnostics.print($0) }
  ) -> [Failure] {
    guard !changes.isEmpty else { return [] }
    var failures: [Failure] = []
    var left: [Change] = []
    for change in changes.reversed() {
      do throws(Failure) {
        try interface.undo(change, besides: left).forEach(report)
      } catch {
        // An interface left changed is a fault, also where the driver answers EOPNOTSUPP: test
        // runners skip what is unsupported.
        failures.append(error.counted(as: .failed))
        left.append(change)
      }
    }
    changes = left.reversed()
    updateLog()
    return failures
  }

  /// Undoes nothing: the interface is gone, and no process can undo the changes any more.
  package mutating func abandon() {
    changes = []
    updateLog()
  }

  /// Records a change that is about to be made. Of a setting that was changed before, the first
  /// record stays, with what this change adds to it.
  ///
  /// - Returns: The place of the record among the changes.
  /// - Throws: What the log throws: then the change must not be made.
  @discardableResult
  mutating func record(_ change: Change) throws(Failure) -> Int {
    var changes = changes
    var place = changes.count
    let earlier = changes.indices.lazy.compactMap { index in
      changes[index].followed(by: change).map { (index, $0) }
    }.first
    if let (index, both) = earlier {
      place = index
      changes[index] = both
    } else {
      changes.append(change)
    }
    if changes != self.changes { try log?.note(changes) }
    self.changes = changes
    return place
  }

  /// Replaces a record once the driver has reported what it made of the change; drops it where
  /// nothing was changed.
  mutating func amend(at place: Int, _ change: Change?) {
    changes.replaceSubrange(place...place, with: change.map { [$0] } ?? [])
    updateLog()
  }

  /// Forgets what was recorded since, and was not made.
  mutating func forget(allBut recorded: [Change]) {
    changes = recorded
    updateLog()
  }

  /// Writes to the log what has become known of changes already made. A failure to write is
  /// ignored: the log's older line is enough, since an undo looks up what the line lacks and skips
  /// what is undone already.
  private mutating func updateLog() {
    do throws(Failure) { try log?.note(changes) } catch {}
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
