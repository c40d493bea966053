// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Synchronization

/// What a run is doing at present, for people who watch it: on a terminal, the last line of the
/// standard error, which is rewritten; anywhere, a line of its own each time SIGUSR1 comes. Each wait
/// of a run shows it (`Wait`), so that it needs no thread.
///
/// Linux has no SIGINFO, and its terminals no key that would send a signal like it.
package final class Progress: Sendable {
  /// What is shown.
  package struct Text: Equatable, Sendable {
    /// The text, without a line's end.
    package var text: String
    /// Whether something is wrong already: it is then shown in red.
    package var isAlarming = false

    /// A text.
    package init(_ text: String, isAlarming: Bool = false) {
      self.text = text
      self.isAlarming = isAlarming
    }
  }

  /// What makes the text. It takes whether this is for the line that is rewritten.
  package typealias Activity = @Sendable (_ isRewritten: Bool) -> Text

  /// How often the line is rewritten.
  private static let period = Duration.milliseconds(200)

  private let signals: SignalDescriptor
  private let isDrawn: Bool
  private let activity: Mutex<Activity>
  private let lastDrawing = Mutex(Instant.now)

  /// Blocks SIGUSR1 for the process, which must still have one thread only, unless the process found
  /// it ignored.
  ///
  /// - Parameters:
  ///   - text: What the run does first.
  ///   - isDrawn: Whether there is to be a line that is rewritten. There is none but on a terminal.
  package init(_ text: String, isDrawn: Bool) throws(Errno) {
    signals = try SignalDescriptor([SIGUSR1])
    self.isDrawn = isDrawn && Diagnostics.canShow
    activity = Mutex { _ in Text(text) }
  }

  deinit {
    if isDrawn { Diagnostics.show(nil) }
  }

  /// Notes what the run does from now on.
  package func note(_ text: String) {
    note { _ in Text(text) }
    // The kernel may be asked for something next that takes long.
    if isDrawn { Diagnostics.show(Text(text)) }
  }

  /// Notes what makes the text from now on.
  package func note(_ activity: @escaping Activity) { self.activity.withLock { $0 = activity } }

  /// Readable when SIGUSR1 has come.
  package var descriptor: Descriptor { signals.descriptor }

  /// When the line is to be rewritten next; `nil` where there is none.
  package var nextDrawing: Instant? {
    isDrawn ? lastDrawing.withLock { $0.advanced(by: Self.period) } : nil
  }

  /// Shows what the run does, in each way that is due.
  package func show() {
    // As many as there are: a signal is pending once, however often it came.
    while signals.take() != nil { Diagnostics.print(activity.withLock { $0(false) }.text) }
    if let nextDrawing, nextDrawing <= .now {
      lastDrawing.withLock { $0 = .now }
      Diagnostics.show(activity.withLock { $0(true) })
    }
  }
}
