// SPDX-License-Identifier: GPL-2.0-only

/// What was tried, on what, and why it did not work: one error for people, built off the hot path
/// from an `Errno` at the edge.
package struct Failure: Error, Sendable {
  /// What a failure means for the process.
  package enum Kind: Sendable {
    /// The run failed.
    case failed
    /// The command line asks for something impossible.
    case usage
    /// This host, kernel or NIC cannot do it (kselftest's skip).
    case unsupported
    /// A stop signal, or another thread, ended a wait.
    case stopped
  }

  /// What the failure means for the process.
  package var kind: Kind
  /// What was tried: a verb and its object, such as `bind RX queues`; empty where the subject
  /// itself is at fault.
  package let operation: String
  /// What it was tried on, such as `eth0 queue 3`; empty where the operation says it all.
  package let subject: String
  /// The kernel's error number, if the kernel refused something.
  package let errno: Errno?
  /// Why, in the kernel's own words (a netlink extended acknowledgement) or in ours.
  package let reason: String?
  /// What to do about it.
  package var hint: String?

  /// Describes what was tried, on what, and why it failed.
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

  /// The command line is at fault. There is no operation: the line begins with the option.
  ///
  /// - Parameters:
  ///   - words: The option as it was typed, with its value where that is at fault.
  ///   - reason: What is wrong with it, such as `unknown option`.
  package static func usage(_ words: String, _ reason: String) -> Failure {
    Failure("", on: words, reason: reason, kind: .usage)
  }

  /// The exit status of a process that ends with the failure: 1, 2 for the command line, 4 for what
  /// is not supported; 128 and the signal's number for a run that a signal stopped.
  ///
  /// - Parameter signal: The signal, if one was pending when the run ended.
  package func exitStatus(signal: CInt? = nil) -> Int32 {
    switch kind {
    case .failed: 1
    case .usage: 2
    case .unsupported: 4
    case .stopped: signal.map { 128 + $0 } ?? 1
    }
  }

  /// The same failure, with another meaning for the process.
  package func counted(as kind: Kind) -> Failure {
    var failure = self
    failure.kind = kind
    return failure
  }

  /// A stop came while something was tried.
  package static func stopped(_ operation: String) -> Failure {
    Failure(operation, reason: "stopped", kind: .stopped)
  }
}

extension Failure: CustomStringConvertible {
  /// One line, and a second one that begins with `hint:` where there is a hint.
  package var description: String { hint.map { "\(line)\nhint: \($0)" } ?? line }

  /// The failure in one line, without the hint. Some of its words are from elsewhere, such as the
  /// command line or the kernel.
  package var line: String {
    var parts = [operation.isEmpty ? subject : "cannot " + operation]
    if !operation.isEmpty && !subject.isEmpty { parts[0] += " " + subject }
    if let errno { parts.append("\(errno.name) (\(errno.text))") }
    if let reason { parts.append(reason) }
    return parts.joined(separator: ": ").printable()
  }
}

/// Runs system calls, and adds to their error what was tried.
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
