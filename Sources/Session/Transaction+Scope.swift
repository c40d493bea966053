// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC

/// Runs something that changes an interface, and undoes the changes whatever it ends with.
///
/// - Parameter body: Leaves no binding behind: the kernel keeps header split on while one lives.
/// - Throws: What `body` throws; otherwise the first change that cannot be undone. The others are
///   told as they come.
func withTransaction<Result>(
  on interface: String, _ body: (inout Transaction) throws(Failure) -> Result
) throws(Failure) -> Result {
  let interface = try Interface(named: interface)
  Diagnostics.print("using ifindex=\(interface.index)")
  var transaction = Transaction(on: interface)
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
