// SPDX-License-Identifier: GPL-2.0-only

internal import Payload
internal import Transfer

/// What the two ends of a measurement say to each other: a line of a word and of numbers with
/// names, such as `ready flows=4`. Each word has its names, and each name its range: a line has all
/// of them, in order. No other line is valid, so that nothing can be misread, and no arithmetic on
/// what is valid overflows.
package struct PeerMessage: Equatable, Sendable {
  /// The word that a line begins with.
  package enum Verb: String, CaseIterable, Sendable {
    /// The first line of either end. It stays like this in every version of the rest.
    case hello
    /// The caller's proposal; `duration` in seconds, 0 for none, as with `bytes` of each flow;
    /// `omit`, in seconds, comes before the duration. `direction` is 0 where the caller sends, 1 where
    /// it receives, 2 where it does both. Only where it receives are the next three not 0: whether to send
    /// from host memory, a limit in bits a second, and the size of pieces. `request` and `response`
    /// are the messages of an exchange, in bytes, 0 for streams.
    case offer
    /// The listener listens for the flows, for those that it sends at `port`, or where that is 0 at
    /// the one that the caller knows; a caller that receives has connected all flows.
    case ready
    /// The listener does not agree; `reason` is one of `Refusal`.
    case refused
    /// What a flow sent, known by its port at the caller, and `omitted` of it in the warm-up; `rtt`
    /// in microseconds, `cwnd` in segments of `mss` bytes.
    case sent
    /// What arrived of a flow, and `omitted` of it in the warm-up; `checks` is 1 where the receiver
    /// compares what it receives, or else 0; `late` counts packets that came before an earlier one.
    case received
    /// The last line; `failed` is 0 or 1, `nanoseconds` are of the run without its warm-up, and
    /// `engine` is the place among `Engine`'s cases of what received or sent.
    case end

    /// Its numbers: their names, and what each may be.
    package var numbers: [(name: String, range: ClosedRange<Int>)] {
      switch self {
      case .hello: [("version", 0...Int(UInt16.max))]
      case .offer:
        [
          ("flows", PeerMessage.flows), ("pattern", Pattern.periods),
          ("duration", 0...MeasurementOptions.durationLimit), ("bytes", PeerMessage.count),
          ("omit", 0...MeasurementOptions.durationLimit), ("direction", 0...2), ("host", 0...1),
          ("rate", PeerMessage.count), ("chunk", PeerMessage.count),
          ("request", 0...Exchange.sizes.upperBound), ("response", 0...Exchange.sizes.upperBound),
        ]
      case .ready: [("flows", PeerMessage.flows), ("port", 0...Int(UInt16.max))]
      case .refused: [("reason", 0...Int(UInt8.max))]
      case .sent:
        [
          ("port", PeerMessage.port), ("bytes", PeerMessage.count),
          ("omitted", PeerMessage.count), ("retransmits", PeerMessage.kernels),
          ("rtt", PeerMessage.kernels), ("cwnd", PeerMessage.kernels),
          ("mss", PeerMessage.kernels), ("reorderings", PeerMessage.kernels),
        ]
      case .received:
        [
          ("port", PeerMessage.port), ("device", PeerMessage.count),
          ("linear", PeerMessage.count), ("plain", PeerMessage.count),
          ("fragments", PeerMessage.count), ("omitted", PeerMessage.count), ("checks", 0...1),
          ("checked", PeerMessage.count), ("wrong", PeerMessage.count),
          ("late", PeerMessage.kernels),
        ]
      case .end:
        [
          ("failed", 0...1), ("nanoseconds", 0...PeerMessage.durationLimit),
          ("engine", 0...Engine.allCases.count - 1),
        ]
      }
    }
  }

  /// Why a listener does not agree to an offer.
  package enum Refusal: Int, Sendable {
    /// It wants another number of flows.
    case flows = 1
    /// It expects another pattern.
    case pattern = 2
    /// It wants another duration.
    case duration = 3
    /// It could not get ready.
    case failure = 4
    /// It wants to leave out another time.
    case omission = 5
  }

  /// Why a line is no message.
  package enum Violation: Error, Equatable, Sendable {
    /// It has another form.
    case malformed
    /// A number, named here, is not in its range.
    case outOfBounds(String)
  }

  /// The version of what is said after `hello`.
  package static let version = 4

  /// A line is not longer, in bytes, without its end.
  package static let lineLimit = 256

  private static let flows = 1...MeasurementOptions.flowLimit
  private static let port = 1...Int(UInt16.max)

  /// 32 bits of the kernel's (`struct tcp_info`).
  private static let kernels = 0...Int(UInt32.max)

  /// Bytes or pieces of a flow: 2 PiB, which take 12 hours at 400 Gbit/s. All kinds of bytes of
  /// all flows add up to less than 2^63.
  private static let count = 0...MeasurementOptions.flowByteLimit

  /// The longest run, in nanoseconds: a year.
  private static let durationLimit = 366 * 86400 * 1_000_000_000

  /// The word of the line.
  package let verb: Verb
  /// In the order of the verb's numbers.
  package let values: [Int]

  /// A message of this end. A figure beyond its range becomes the end of the range.
  ///
  /// - Precondition: There are as many values as the verb has numbers.
  package init(_ verb: Verb, _ values: Int...) {
    let numbers = verb.numbers
    precondition(values.count == numbers.count)
    self.verb = verb
    self.values = zip(numbers, values).map {
      min(max($1, $0.range.lowerBound), $0.range.upperBound)
    }
  }

  /// Reads a line, without its end.
  ///
  /// - Throws: For everything that `line` does not write.
  package init(line: some Collection<UInt8>) throws(Violation) {
    guard line.count <= Self.lineLimit, line.allSatisfy({ 0x20...0x7e ~= $0 }) else {
      throw .malformed
    }
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard let verb = Verb(rawValue: words[0]), words.count == verb.numbers.count + 1 else {
      throw .malformed
    }
    var values: [Int] = []
    var outside: String?
    for ((name, range), word) in zip(verb.numbers, words.dropFirst()) {
      let digits = word.dropFirst(name.count + 1)
      // Not all that `Int` reads is what it writes: signs, leading zeros.
      guard word.hasPrefix(name + "="), let value = Int(digits), value >= 0,
        String(value) == digits
      else { throw .malformed }
      if !range.contains(value) { outside = outside ?? name }
      values.append(value)
    }
    if let outside { throw .outOfBounds(outside) }
    self.verb = verb
    self.values = values
  }

  /// The message as a line, without its end.
  package var line: String {
    verb.rawValue + zip(verb.numbers, values).map { " \($0.name)=\($1)" }.joined()
  }
}
