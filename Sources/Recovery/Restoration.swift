// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import NIC
package import Netdev

/// The result of an attempt to undo a journal's changes.
package enum Restoration: Equatable, Sendable {
  /// There was nothing to undo.
  case nothing
  /// All changes of an interface were undone: `count` changes that the process `owner` had made.
  case done(count: Int, interface: String, owner: CInt)
  /// Its interface no longer exists, for the reason given: nothing was changed.
  case stale(String)
  /// It belongs to another network namespace: nothing was changed, and the journal remains.
  case elsewhere
  /// What could not be undone was reported, and the journal at this path dropped nevertheless.
  case forced(path: String)
}

extension Restoration {
  /// What happened, as a line for the user; `nil` where nothing did.
  package var text: String? {
    switch self {
    case .nothing: nil
    case .done(let count, let interface, let owner):
      "brought back \(interface), which process \(owner) left with "
        + (count == 1 ? "one change" : "\(count) changes")
    case .stale(let reason): "dropped a journal: \(reason). Nothing was changed"
    case .elsewhere: "left a journal of another network namespace as it is"
    case .forced(let path): "dropped the journal \(path): what could not be undone stays as it is"
    }
  }
}

extension Journal {
  /// Undoes the changes of the record, if its device is still there, and removes the journal. A
  /// change that cannot be undone at once is tried again for a while.
  ///
  /// - Parameters:
  ///   - host: Where this process is.
  ///   - carrier: The interface's carrier before the changes, which must be back at the end; that
  ///     before the undo if `nil`.
  ///   - patience: How long to try.
  ///   - wait: What else ends the attempts but the first, and the wait for the carrier.
  ///   - isForced: Whether to drop the journal even if it is none, or if something in it cannot be
  ///     undone. A missing privilege is no reason to drop it, nor is a stop.
  ///   - report: Takes all failures except the one that is thrown.
  ///   - open: Finds an interface by its index, and fails with `ENODEV` where there is none.
  /// - Throws: Why a change could not be undone: the journal then has what is left, and the failure's
  ///   hint names it. The kind is `failed`, whatever the driver answered.
  package mutating func restore(
    on host: Host, to carrier: Carrier? = nil, patience: Duration = Self.undoPatience,
    _ wait: Wait = Wait(), isForced: Bool = false,
    reportingTo report: (Failure) -> Void = { Diagnostics.print($0) },
    opening open: (UInt32) throws(Failure) -> Interface = { index throws(Failure) in
      try Interface(at: index)
    }
  ) throws(Failure) -> Restoration {
    do throws(Failure) {
      return try undo(
        on: host, to: carrier, wait, for: patience, reportingTo: report, opening: open)
    } catch {
      var failure = error.counted(as: .failed)
      // A stop may have come before all attempts were made.
      if isForced, failure.errno != .notPermitted, (try? wait.check("undo")) != nil {
        report(failure)
        return removed(after: .forced(path: path))
      }
      if failure.hint != remedy {
        failure.hint = [failure.hint, remedy].compactMap(\.self).joined(separator: "; ")
      }
      throw failure
    }
  }

  private mutating func undo(
    on host: Host, to carrier: Carrier?, _ wait: Wait, for patience: Duration,
    reportingTo report: (Failure) -> Void,
    opening open: (UInt32) throws(Failure) -> Interface
  ) throws(Failure) -> Restoration {
    guard let record = try record() else { return removed(after: .nothing) }
    guard record.host.boot == host.boot else {
      return removed(
        after: .stale("it is of an earlier boot, which took the interface's state with it"))
    }
    guard record.host.namespace == host.namespace else { return .elsewhere }
    guard !record.changes.isEmpty else { return removed(after: .nothing) }
    var interface: Interface
    do throws(Failure) {
      interface = try open(record.device.index)
    } catch {
      guard error.errno == .noDevice else { throw error }
      return removed(after: .stale("its interface is gone"))
    }
    guard try interface.identity() == record.device else {
      return removed(
        after: .stale("\(interface.subject) is another device than the one it is of"))
    }
    let subject = interface.subject
    let carrier =
      carrier ?? Carrier(ofInterface: interface.index, named: interface.name)
    var transaction = Transaction(on: interface, resuming: record.changes)
    var failures = transaction.undo(wait.limited(to: patience))
    try? carrier.waitForReturn(wait)
    guard !failures.isEmpty else {
      return removed(
        after: .done(count: record.changes.count, interface: subject, owner: record.owner))
    }
    // With the privilege, all may be undone: that matters more than what came first.
    let first = failures.firstIndex { $0.errno == .notPermitted } ?? 0
    let thrown = failures.remove(at: first)
    for failure in failures { report(failure) }
    // Undoing twice does no harm, so an older line will do.
    do throws(Failure) { try note(transaction.changes) } catch { report(error) }
    throw thrown
  }

  private func removed(after outcome: Restoration) -> Restoration {
    remove()
    return outcome
  }

  /// How long a driver may refuse an undo before it counts as failed.
  package static let undoPatience = Duration.seconds(5)
}

extension Transaction {
  /// Undoes all changes. One that cannot be undone at once is tried again until a wait ends.
  ///
  /// - Returns: The failures of the last attempt.
  fileprivate mutating func undo(_ wait: Wait) -> [Failure] {
    while true {
      let failures = undo()
      guard !failures.isEmpty, !wait.isOver,
        (try? wait.pause(for: interval, to: "undo")) != nil
      else { return failures }
    }
  }
}

/// The time between two attempts to undo.
private let interval = Duration.milliseconds(100)
