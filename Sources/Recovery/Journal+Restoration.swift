// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel
package import NIC

/// What the undoing of a journal came to.
package enum Restoration: Equatable, Sendable {
  /// There was nothing to undo.
  case nothing
  /// So many changes of an interface were undone.
  case done(count: Int, interface: String, owner: CInt)
  /// What it tells of is no more, for the reason given: nothing was changed.
  case stale(String)
  /// It belongs to another network namespace: nothing was changed, and it is still there.
  case elsewhere
}

extension Restoration {
  /// What happened, for people; `nil` where nothing did.
  package var text: String? {
    switch self {
    case .nothing: nil
    case .done(let count, let interface, let owner):
      "brought back \(interface), which process \(owner) left with "
        + (count == 1 ? "one change" : "\(count) changes")
    case .stale(let reason): "dropped a journal: \(reason). Nothing was changed"
    case .elsewhere: "left a journal of another network namespace as it is"
    }
  }
}

extension Journal {
  /// Undoes what the record has, if its device is still there, and removes the journal. What
  /// cannot be undone at once is tried for a while.
  ///
  /// - Parameters:
  ///   - host: Where this process is.
  ///   - patience: How long, in milliseconds.
  ///   - tell: Takes all failures but the one that is thrown.
  ///   - open: Finds an interface by its index, and fails with `ENODEV` where there is none.
  /// - Throws: Why something could not be undone: the journal then has what is left.
  package mutating func restore(
    on host: Host, patience: Int = Self.undoPatience, tell: (Failure) -> Void,
    opening open: (UInt32) throws(Failure) -> Interface = { index throws(Failure) in
      try Interface(at: index)
    }
  ) throws(Failure) -> Restoration {
    guard let record = try record() else { return leave(.nothing) }
    guard record.host.boot == host.boot else {
      return leave(.stale("it is of an earlier boot, which took the interface's state with it"))
    }
    guard record.host.namespace == host.namespace else { return .elsewhere }
    guard !record.changes.isEmpty else { return leave(.nothing) }
    var interface: Interface
    do throws(Failure) {
      interface = try open(record.device.index)
    } catch {
      guard error.errno == .noDevice else { throw error }
      return leave(.stale("its interface is gone"))
    }
    guard try interface.identity() == record.device else {
      return leave(.stale("\(interface.subject) is another device than the one it is of"))
    }
    let subject = interface.subject
    var transaction = Transaction(on: interface, resuming: record.changes)
    let deadline = Instant.now.advanced(milliseconds: patience)
    var failures = transaction.undo()
    while !failures.isEmpty, Instant.now < deadline {
      usleep(Self.undoInterval)
      failures = transaction.undo()
    }
    guard let first = failures.first else {
      return leave(
        .done(count: record.changes.count, interface: subject, owner: record.owner))
    }
    for failure in failures.dropFirst() { tell(failure) }
    // Undoing twice does no harm, so an older line will do.
    do throws(Failure) { try note(transaction.changes) } catch { tell(error) }
    throw first
  }

  private func leave(_ outcome: Restoration) -> Restoration {
    remove()
    return outcome
  }

  /// For as long a driver may have to be asked again, in milliseconds.
  package static let undoPatience = 5_000

  /// Between two attempts, in microseconds.
  private static let undoInterval: useconds_t = 100_000
}
