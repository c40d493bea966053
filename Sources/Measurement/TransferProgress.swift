// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
internal import Synchronization
internal import Transfer

/// What a transfer shows of itself while it lasts: one line of text, made from its figures.
package struct TransferProgress: Sendable {
  /// What the figures are of.
  package enum Kind: Sendable {
    /// One stream: rates in MiB/s.
    case stream
    /// The flows of a measurement: rates in Gbit/s.
    case flows
  }

  /// When a transfer ends, as far as that is known beforehand.
  package struct Goal: Equatable, Sendable {
    /// How many bytes it has; `nil` where that is not known.
    package var bytes: Int?
    /// How long it takes; `nil` where that is not known.
    package var duration: Duration?

    /// An end that is known by bytes or by time.
    package init(bytes: Int? = nil, duration: Duration? = nil) {
      self.bytes = bytes
      self.duration = duration
    }
  }

  private let role: MeasurementRole
  private let kind: Kind
  private let goal: Goal
  private let isChecked: Bool
  /// The readings of the last second, the oldest first.
  private var readings: [(time: Duration, bytes: Int)] = [(.zero, 0)]

  /// How much time the present rate is the mean of.
  private static let window = Duration.seconds(1)

  /// - Parameter isChecked: Whether a receiver compares the payload with a pattern.
  package init(
    _ role: MeasurementRole, of kind: Kind, until goal: Goal, isChecked: Bool = false
  ) {
    self.role = role
    self.kind = kind
    self.goal = goal
    self.isChecked = isChecked
  }

  /// The line at one moment, what matters most first.
  ///
  /// - Parameters:
  ///   - elapsed: How long the transfer has lasted.
  ///   - isRegular: Whether this is one of the readings that come several times a second, so that
  ///     there is a present rate. Others have the mean of the whole.
  package mutating func text(
    of figures: FlowFigures, after elapsed: Duration, isRegular: Bool
  ) -> Progress.Text {
    var rate = (bytes: figures.bytes, time: elapsed)
    if isRegular {
      let start = readings.last { $0.time <= elapsed - Self.window } ?? readings[0]
      rate = (figures.bytes - start.bytes, elapsed - start.time)
      readings.removeAll { $0.time < start.time }
      readings.append((elapsed, figures.bytes))
    }
    var line = """
      \(role == .receive ? "received" : "sent") \(amount(of: figures)), \
      \(text(of: rate.bytes, in: rate.time)) \(isRegular ? "now" : "on average")
      """
    if let left = timeLeft(from: figures.bytes, at: rate, after: elapsed) {
      line += ", \(Int(left.inSeconds.rounded(.up))) s left"
    }
    guard role == .receive else { return Progress.Text(line) }
    if isChecked {
      line += ", \(figures.wrongBytes) wrong in \(Self.size(figures.checkedBytes)) checked"
    }
    line += """
      , device \(Self.size(figures.deviceBytes)), linear \(Self.size(figures.linearBytes)), \
      plain \(Self.size(figures.plainBytes)), \(figures.tokensOutstanding) tokens out
      """
    return Progress.Text(line, isAlarming: figures.wrongBytes > 0)
  }

  private func amount(of figures: FlowFigures) -> String {
    guard let bytes = goal.bytes else { return Self.size(figures.bytes) }
    return "\(Self.size(figures.bytes)) of \(Self.size(bytes))"
  }

  private func text(of bytes: Int, in time: Duration) -> String {
    switch kind {
    case .flows: "\(gigabitsPerSecond(bytes, in: time).formatted(3)) Gbit/s"
    case .stream: "\(mebibytesPerSecond(bytes, in: time).formatted(1)) MiB/s"
    }
  }

  /// What is left: by the clock, or of the bytes at a rate; `nil` where no end is known or nothing
  /// comes.
  private func timeLeft(
    from bytes: Int, at rate: (bytes: Int, time: Duration), after elapsed: Duration
  ) -> Duration? {
    if let duration = goal.duration { return max(.zero, duration - elapsed) }
    guard let goal = goal.bytes, rate.bytes > 0 else { return nil }
    let seconds = Double(max(0, goal - bytes)) / Double(rate.bytes) * rate.time.inSeconds
    // A stream that has almost stopped has no end that is worth a number.
    return seconds < Double(MeasurementOptions.durationLimit) ? .seconds(seconds) : nil
  }

  /// Bytes for people: in the largest unit of which there is at least one.
  private static func size(_ bytes: Int) -> String {
    guard bytes >= 1024 else { return "\(bytes) B" }
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    var (value, unit) = (Double(bytes) / 1024, 0)
    // What is rounded up to 1024.0 is one of the next unit.
    while value >= 1023.95, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    return "\(value.formatted(1)) \(units[unit])"
  }
}

extension Progress {
  /// Shows transfers that begin now, from now on, one after the other.
  package func note(_ transfers: [(progress: TransferProgress, counters: [FlowCounters])]) {
    let start = Instant.now
    let counters = transfers.map(\.counters)
    let progress = Mutex(transfers.map(\.progress))
    note { isRewritten in
      let figures = counters.map { $0.reduce(FlowFigures()) { $0 + $1.figures } }
      let texts = progress.withLock { progress in
        progress.indices.map {
          progress[$0].text(
            of: figures[$0], after: Instant.now.since(start), isRegular: isRewritten)
        }
      }
      return Text(
        texts.map(\.text).joined(separator: "; "), isAlarming: texts.contains(where: \.isAlarming))
    }
  }
}
