// SPDX-License-Identifier: GPL-2.0-only

/// What was tried, on what, and why it did not work: one error for people, built off the hot path
/// from an `Errno` at the edge.
package struct Failure: Error, Sendable {
  /// What a failure means for the process: its exit status.
  package enum Kind: Int32, Sendable {
    /// The run failed.
    case failed = 1
    /// The command line asks for what cannot be.
    case usage = 2
    /// This host, kernel or NIC cannot do it (kselftest's skip).
    case unsupported = 4
  }

  package var kind: Kind
  /// What was tried: a verb and its object, such as `bind RX queues`.
  package let operation: String
  /// What it was tried on, such as `eth0 queue 3`; empty where the operation says it all.
  package let subject: String
  package let errno: Errno?
  /// Why, in the kernel's own words (a netlink extended acknowledgement) or in ours.
  package let reason: String?
  /// What to do about it.
  package var hint: String?

  package init(
    _ operation: String, on subject: String = "", errno: Errno? = nil, reason: String? = nil,
    hint: String? = nil, kind: Kind = .failed
  ) {
    self.kind = kind
    self.operation = operation
    self.subject = subject
    self.errno = errno
    self.reason = reason
    self.hint = hint
  }
}

extension Failure: CustomStringConvertible {
  /// One line, and a second one that begins with `hint:` where there is a hint.
  package var description: String {
    var line = "cannot " + operation
    if !subject.isEmpty { line += " " + subject }
    if let errno { line += ": \(errno.name) (\(errno.text))" }
    if let reason { line += ": " + reason }
    if let hint { line += "\nhint: " + hint }
    return line
  }
}

/// Runs system calls whose error is to be told with what was tried.
///
/// - Throws: A `Failure` made of the call's `Errno`.
package func attempt<Value: ~Copyable>(
  _ operation: String, on subject: @autoclosure () -> String = "", hint: String? = nil,
  _ body: () throws(Errno) -> Value
) throws(Failure) -> Value {
  do throws(Errno) {
    return try body()
  } catch {
    throw Failure(operation, on: subject(), errno: error, hint: hint)
  }
}
