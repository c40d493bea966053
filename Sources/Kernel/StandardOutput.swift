// SPDX-License-Identifier: GPL-2.0-only

/// The standard output, opened so that a reader who does not read cannot hold up a stop.
///
/// Nothing else writes there: what `print` of the standard library cannot write, it loses without a
/// word (`scripts/lint` looks for it).
package struct StandardOutput: ~Copyable {
  private let inherited: Descriptor
  private let reopened: OwnedDescriptor?

  /// Opens pipes and terminals afresh. Nothing else blocks for long. Where opening afresh is refused
  /// (another user's pipe), writes block as usual.
  ///
  /// - Parameter inherited: What this process got for its standard output.
  package init(_ inherited: Descriptor = .standardOutput) {
    self.inherited = inherited
    reopened = OwnedDescriptor(reopening: inherited)
  }

  /// Where to write, for as long as this lasts.
  package var descriptor: Descriptor {
    switch reopened {
    case .some(let owned): owned.borrowed
    case .none: inherited
    }
  }

  /// Writes all of a text.
  ///
  /// - Parameter wait: What ends a write that waits for the reader.
  /// - Throws: Why something of it is not written, of the kind `stopped` after a stop.
  package func write(_ text: String, _ wait: Wait) throws(Failure) {
    let operation = "write to the standard output"
    var rest = Array(text.utf8)[...]
    var falseStarts = FalseStarts()
    while !rest.isEmpty {
      do throws(Errno) {
        rest = rest.dropFirst(try descriptor.write(rest))
        falseStarts.end()
      } catch {
        guard error == .tryAgain, falseStarts.mayGoOn() else {
          throw Failure(operation, errno: error)
        }
        guard try wait.for(descriptor, .writing, to: operation) else {
          throw Failure(operation, errno: .timedOut)
        }
      }
    }
  }

  /// Prints a line, or several. SIGINT, SIGTERM and SIGHUP end a wait for the reader.
  ///
  /// - Throws: Why it is not printed: a run must not succeed whose answer is lost.
  package static func print(_ text: String) throws(Failure) {
    let signals = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
    try StandardOutput().write(text + "\n", Wait(orStoppedBy: signals.descriptor))
  }
}
