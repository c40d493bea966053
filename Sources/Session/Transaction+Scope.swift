// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Recovery

/// Runs something that changes an interface, and undoes the changes whatever it ends with. Where
/// this process does not live to do it, a guard does.
///
/// - Parameters:
///   - isGuarded: False where nothing will be changed: then there is no guard, and no other run is
///     kept away.
///   - body: Leaves no binding behind: the kernel keeps header split on while one lives.
/// - Throws: What `body` throws; otherwise the first change that cannot be undone. The others are
///   told as they come.
func withTransaction<Result>(
  on interface: String, isGuarded: Bool = true,
  _ body: (inout Transaction) throws(Failure) -> Result
) throws(Failure) -> Result {
  var interface = try Interface(named: interface)
  Diagnostics.print("using ifindex=\(interface.index)")
  var log: (any ChangeLog & ~Copyable)?
  if isGuarded { log = try Guard(for: &interface) { Diagnostics.print($0) } }
  var transaction = Transaction(on: interface, notedIn: log)
  let result: Swift.Result<Result, Failure>
  do throws(Failure) {
    result = .success(try body(&transaction))
  } catch {
    result = .failure(error)
  }
  var failures = transaction.undo()
  if case .success(let value) = result {
    guard !failures.isEmpty else { return value }
    let first = failures.removeFirst()
    for failure in failures { Diagnostics.print(failure) }
    throw first
  }
  for failure in failures { Diagnostics.print(failure) }
  return try result.get()
}
