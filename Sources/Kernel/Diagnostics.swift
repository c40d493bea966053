// SPDX-License-Identifier: GPL-2.0-only

internal import Synchronization

/// What people read, on the standard error. Threads print whole lines, one after the other.
package enum Diagnostics {
  private static let output = Mutex(LineOutput(to: .standardError))

  /// Prints a failure, with the program's name in front.
  package static func print(_ failure: Failure) { print("ncdevmem: \(failure)") }

  /// Prints one line. A failure to write is ignored: it cannot be reported anywhere.
  package static func print(_ line: String) { output.withLock { $0.write(line) } }

  /// Prints a line that nobody needs who asked for quiet (`--quiet`): what a run does and has done,
  /// not what is wrong.
  package static func inform(_ line: String) {
    guard !isQuiet.load(ordering: .relaxed) else { return }
    print(line)
  }

  /// Has `inform` print nothing from now on.
  package static func beQuiet() { isQuiet.store(true, ordering: .relaxed) }

  private static let isQuiet = Atomic(false)

  /// Shows a text below all lines, on a terminal only, until the next text or `nil`.
  package static func show(_ status: Progress.Text?) { output.withLock { $0.show(status) } }

  /// Whether there is a terminal to show a text on, and nobody asked for quiet.
  package static var canShow: Bool {
    !isQuiet.load(ordering: .relaxed) && output.withLock { $0.canShow }
  }

  /// Prints a line that must not be lost, such as a run's document.
  ///
  /// - Throws: Why something of it is not printed.
  package static func deliver(_ line: String) throws(Failure) {
    try output.deliver(line, to: "the standard error")
  }

  /// Has no line wait for a reader any longer once a descriptor is readable.
  ///
  /// - Parameter stop: To be watched until this is called again; `nil` to watch none.
  package static func watch(_ stop: Descriptor?) { output.withLock { $0.watch(stop) } }

  /// Has no line wait for a reader from now on.
  package static func neverWait() { output.withLock { $0.neverWait() } }

  /// What lines are written to besides the standard error.
  package static var descriptors: [Descriptor] {
    output.withLock { $0.reopened.map { [$0] } ?? [] }
  }
}
