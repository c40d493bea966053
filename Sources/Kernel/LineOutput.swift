// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Synchronization

/// Writes lines to a descriptor that this process shares with others, and waits for a reader who does
/// not read only so long. Lines that do not fit by then are dropped, whole ones only; once there is
/// room again, a line reports how many.
package struct LineOutput: ~Copyable {
  private let inherited: Descriptor
  private let own: OwnedDescriptor?
  private let kind: Kind
  private let patience: Duration
  /// The line that stands for so many that were dropped.
  private let noteOfDropped: @Sendable (Int) -> String
  private var stop: Descriptor?
  private var waits = true
  /// Whether the last wait was in vain: the next one would be, too.
  private var isStalled = false
  private var falseStarts = FalseStarts()
  /// What is left of a line that was begun.
  private var rest: ArraySlice<UInt8> = []
  private var droppedCount = 0
  /// Why the last write failed for good.
  private var refusal: Errno?
  private let terminal: Terminal?
  /// What is shown below the lines; `nil` for nothing.
  private var status: String?
  /// Whether the terminal has something below the lines.
  private var hasStatus = false

  private enum Kind {
    /// Opened afresh, so that no write waits.
    case own
    /// A socket: `MSG_DONTWAIT` is about one call only.
    case socket
    /// A pipe or a terminal that cannot be opened afresh.
    case shared
    /// A file or a device, where a write does not wait for a reader.
    case file
  }

  /// Prepares to write to a descriptor.
  ///
  /// - Parameters:
  ///   - patience: How long to wait for room, for the first line that finds none.
  ///   - noteOfDropped: Makes the line that stands for so many that were dropped.
  package init(
    to inherited: Descriptor, patience: Duration = .seconds(5),
    _ noteOfDropped: @escaping @Sendable (Int) -> String = Self.note(ofDropped:)
  ) {
    self.noteOfDropped = noteOfDropped
    self.inherited = inherited
    self.patience = patience
    own = OwnedDescriptor(reopening: inherited)
    terminal = Terminal(of: inherited)
    let status = try? inherited.status()
    kind =
      if own != nil {
        .own
      } else if status?.isSocket == true {
        .socket
      } else if status?.isPipe == true || inherited.isTerminal {
        .shared
      } else {
        .file
      }
  }

  /// What was opened afresh.
  var reopened: Descriptor? {
    switch own {
    case .some(let owned): owned.borrowed
    case .none: nil
    }
  }

  /// Waits for room only until a descriptor is readable, and never again once it was.
  package mutating func watch(_ stop: Descriptor?) {
    if isStopped { waits = false }
    self.stop = stop
  }

  /// Drops what finds no room, without a wait, and shows nothing below the lines any more.
  package mutating func neverWait() {
    waits = false
    stop = nil
    status = nil
  }

  /// Whether `show` can show anything.
  package var canShow: Bool { terminal != nil }

  /// Shows a text below all lines, in place of the one before. It is cut to the terminal's width, and
  /// left out where there is no room at once, or the process is in the background.
  ///
  /// - Parameter status: The text, without a line's end; `nil` for none.
  package mutating func show(_ status: Progress.Text?) {
    guard let terminal else { return }
    self.status =
      terminal.isForeground
      ? status.map {
        let text = terminal.fitted($0.text)
        return $0.isAlarming ? terminal.red(text) : text
      }
      : nil
    guard hasStatus || self.status != nil else { return }
    let waited = waits
    waits = false
    defer { waits = waited }
    flush()
    // A line that was begun comes first.
    guard rest.isEmpty else { return }
    if put(Terminal.erasure + (self.status ?? "")) { hasStatus = self.status != nil }
  }

  /// Writes a line, or drops it. A failure to write is ignored.
  package mutating func write(_ line: String) {
    flush()
    if rest.isEmpty, droppedCount > 0 {
      if begin(noteOfDropped(droppedCount)) { droppedCount = 0 }
    }
    guard rest.isEmpty, droppedCount == 0, begin(line) else {
      droppedCount += 1
      return
    }
  }

  /// The line for people that stands for so many that were dropped.
  package static func note(ofDropped count: Int) -> String {
    let lines = count == 1 ? "a line is" : "\(count) lines are"
    return "ncdevmem: \(lines) missing here: there was no reader"
  }

  /// Writes a line that must not be lost.
  ///
  /// - Throws: Why something of it is not written; `EAGAIN` where there was no room in time.
  package mutating func deliver(_ line: String) throws(Errno) {
    refusal = nil
    write(line)
    if let refusal { throw refusal }
    guard droppedCount == 0, rest.isEmpty else { throw .tryAgain }
  }

  /// Writes a line as far as there is room, above what is shown below the lines.
  ///
  /// - Returns: Whether any of it was written; the rest then waits for the next flush.
  private mutating func begin(_ line: String) -> Bool {
    let erasure = hasStatus ? Terminal.erasure : ""
    guard put(erasure + line + "\n" + (status ?? "")) else { return false }
    hasStatus = status != nil
    return true
  }

  /// Writes a text as far as there is room.
  ///
  /// - Returns: Whether any of it was written; the rest then waits for the next flush.
  private mutating func put(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    rest = bytes[...]
    flush()
    guard rest.count == bytes.count else { return true }
    rest = []
    return false
  }

  /// Writes what is left of the line that was begun, as far as there is room.
  private mutating func flush() {
    while !rest.isEmpty {
      do throws(Errno) {
        rest = rest.dropFirst(try writeOnce())
        isStalled = false
        falseStarts.end()
      } catch {
        guard error == .tryAgain else {
          // There is nobody left to read it.
          refusal = error
          rest = []
          return
        }
        guard hasRoomSoon(), falseStarts.mayGoOn() else { return }
      }
    }
  }

  /// Waits for room, unless the last wait was in vain.
  private mutating func hasRoomSoon() -> Bool {
    guard waits, !isStalled else { return false }
    let wait = Wait(orStoppedBy: stop).limited(to: patience)
    let readiness = try? wait.readiness(of: reopened ?? inherited, for: .writing)
    if readiness == .ready { return true }
    if readiness == .stopped { waits = false }
    isStalled = true
    return false
  }

  private var isStopped: Bool {
    guard let stop else { return false }
    return (try? Wait(until: .now).readiness(of: stop)) == .ready
  }

  /// Writes as much as a call takes.
  ///
  /// - Throws: `EAGAIN` where there is no room.
  private func writeOnce() throws(Errno) -> Int {
    switch kind {
    case .own: return try (reopened ?? inherited).write(rest)
    case .file: return try inherited.write(rest)
    case .socket:
      return try retrying {
        unsafe rest.withUnsafeBytes {
          unsafe send(
            inherited.rawValue, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
        }
      }
    case .shared:
      guard try Wait(until: .now).readiness(of: inherited, for: .writing) == .ready else {
        throw .tryAgain
      }
      // A pipe that is ready for writing takes as much as this at once (`fs/pipe.c`, `pipe_poll`).
      return try inherited.write(rest.prefix(Int(PIPE_BUF)))
    }
  }
}

extension Mutex<LineOutput> {
  /// Writes a line that must not be lost.
  ///
  /// - Parameter name: What the failure calls the output.
  /// - Throws: Why something of it is not written.
  borrowing func deliver(_ line: String, to name: String) throws(Failure) {
    let result = withLock { output in
      Result { () throws(Errno) in try output.deliver(line) }
    }
    do throws(Errno) {
      try result.get()
    } catch {
      throw Failure("write to \(name)", errno: error)
    }
  }
}
