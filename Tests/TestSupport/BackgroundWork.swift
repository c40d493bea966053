// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
internal import Synchronization

/// Work on a thread of its own, such as the other end of a conversation.
package final class BackgroundWork<Value: Sendable>: Sendable {
  private final class Outcome: Sendable {
    let result = Mutex<Result<Value, Failure>?>(nil)
  }

  private let outcome: Outcome
  private let thread: Thread

  /// Starts the work.
  package init(_ body: @escaping @Sendable () throws(Failure) -> Value) throws(Failure) {
    let outcome = Outcome()
    self.outcome = outcome
    thread = try attempt("start a thread") { () throws(Errno) in
      try Thread {
        let result = Result { () throws(Failure) in try body() }
        outcome.result.withLock { $0 = result }
      }
    }
  }

  /// Waits until the work has ended, which one caller may do once.
  package func result() -> Result<Value, Failure> {
    thread.join()
    return outcome.result.withLock { $0! }
  }
}
