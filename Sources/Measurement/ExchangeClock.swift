// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// Times the exchanges of a flow, one after the other, at the end that asks.
struct ExchangeClock {
  private let asking: ExchangePart.Asking
  /// When the exchange that is under way began.
  private var begin = Instant.now
  /// When the warm-up ends, and when the last exchange may begin.
  private var (base, end) = (Instant.now, Instant.now)
  /// How long exchanges took that began behind the warm-up.
  private(set) var latencies = LatencyHistogram()

  init(_ asking: ExchangePart.Asking) { self.asking = asking }

  /// Notes that the first exchange begins.
  mutating func start() {
    begin = .now
    (base, end) = (begin.advanced(by: asking.omitted), begin.advanced(by: asking.duration))
  }

  /// Notes that an exchange ends, and with that the next one begins, if there is time.
  ///
  /// - Returns: Whether there is.
  mutating func lap() -> Bool {
    let now = Instant.now
    if begin >= base { latencies.record(now.since(begin)) }
    begin = now
    return now < end
  }
}
