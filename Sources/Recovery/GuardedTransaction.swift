// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import NIC
package import Netdev

/// Runs something that changes an interface, and undoes the changes whatever it ends with. If this
/// process dies before that, a guard undoes them.
///
/// - Parameters:
///   - carrier: The interface's carrier before, which must be back at the end.
///   - wait: What ends the wait for another run, and what else the one for the carrier.
///   - isGuarded: Whether there is a guard, which also keeps other runs away. Not needed where
///     `body` changes nothing.
///   - body: What changes the interface, and takes its carrier as it was once no other run had it. It
///     must leave no binding behind: the kernel keeps header split on while one exists.
/// - Returns: What `body` returns, if all changes are undone.
/// - Throws: As `withTransaction(on:notedIn:reportingTo:_:)`; or why there is no guard, before
///   anything is changed.
package func withGuardedTransaction<Value>(
  on interface: consuming Interface, with carrier: Carrier, _ wait: Wait = Wait(),
  isGuarded: Bool = true, _ body: (inout Transaction, Carrier) throws(Failure) -> Value
) throws(Failure) -> Value {
  var interface = interface
  guard isGuarded else {
    return try withTransaction(on: interface, with: carrier, wait) { transaction throws(Failure) in
      try body(&transaction, carrier)
    }
  }
  let log = try Guard(for: &interface, with: carrier, wait)
  let carrier = log.carrier ?? carrier
  return try withTransaction(on: interface, with: carrier, wait, notedIn: log) {
    transaction throws(Failure) in
    try body(&transaction, carrier)
  }
}

/// Runs something that changes an interface, and undoes the changes whatever it ends with.
///
/// The exit status of a run follows from what this throws. A failure to undo is thrown unless `body`
/// fails with the kind `failed` itself: nothing that means less hides an interface left changed, be
/// it a success, a stop, or a test runner's skip.
///
/// - Parameters:
///   - carrier: The interface's carrier before, which must be back at the end; `nil` where nobody
///     cares.
///   - wait: What else ends the wait for the carrier.
///   - log: What remembers the changes if this process dies.
///   - report: Takes each failure that is not thrown.
///   - exists: Whether this network namespace still has the interface of an index. Where it has
///     not, and the kernel refuses every undo for that, this is one failure for all changes.
///   - body: What changes the interface.
/// - Returns: What `body` returns, if all changes are undone.
/// - Throws: The failure of `body`. Where `body` succeeds, or fails with another kind than `failed`:
///   the first failure to undo, if there is one; the failure of `body` is then reported before it,
///   unless it is a stop.
package func withTransaction<Value>(
  on interface: consuming Interface, with carrier: Carrier? = nil, _ wait: Wait = Wait(),
  notedIn log: consuming (any ChangeLog & ~Copyable)? = nil,
  reportingTo report: (Failure) -> Void = { Diagnostics.print($0) },
  existing exists: (UInt32) -> Bool = Interface.exists,
  _ body: (inout Transaction) throws(Failure) -> Value
) throws(Failure) -> Value {
  var transaction = Transaction(on: interface, notedIn: log)
  let result: Result<Value, Failure>
  do throws(Failure) {
    result = .success(try body(&transaction))
  } catch {
    result = .failure(error)
  }
  wait.progress?.note("putting \(transaction.interface.name) back as it was")
  var failures = transaction.undo()
  if !failures.isEmpty, failures.allSatisfy({ $0.errno == .noDevice }),
    !exists(transaction.interface.index)
  {
    let count = failures.count == 1 ? "a change" : "\(failures.count) changes"
    failures = [
      Failure(
        "undo \(count) of", on: transaction.interface.subject, errno: .noDevice,
        reason: "the interface is gone")
    ]
    transaction.abandon()
  }
  do throws(Failure) {
    try carrier?.waitForReturn(wait)
  } catch {
    // A run that is stopped, be it only now, does not wait for long; but its stop would end the wait
    // at once.
    try? carrier?.waitForReturn(for: patienceAfterStop)
  }
  var thrown: Failure?
  if !failures.isEmpty {
    switch result {
    case .failure(let failure) where failure.kind == .failed: break
    case .failure(let failure) where failure.kind != .stopped:
      report(failure)
      thrown = failures.removeFirst()
    case .success, .failure: thrown = failures.removeFirst()
    }
  }
  for failure in failures { report(failure) }
  if let thrown { throw thrown }
  return try result.get()
}

/// How long a run that was stopped waits for its interface's carrier: drivers that lose it have it
/// back within less.
private let patienceAfterStop = Duration.seconds(2)
