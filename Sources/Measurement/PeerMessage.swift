// SPDX-License-Identifier: GPL-2.0-only

/// What the two ends of a measurement say to each other: a line of a word and of numbers with
/// names, such as `offer flows=4 pattern=7 duration=10 bytes=0`. Each word has its names: a line
/// has all of them, in order. No other line is valid, so that nothing can be misread.
package struct PeerMessage: Equatable, Sendable {
  /// The word that a line begins with.
  package enum Verb: String, CaseIterable, Sendable {
    /// The first line of either end. It stays like this in every version of the rest.
    case hello
    /// The sender's proposal; `duration` in seconds, 0 for none, as with `bytes` of each flow.
    case offer
    /// The receiver listens for the flows.
    case ready
    /// The receiver does not agree; `reason` is one of `Refusal`.
    case refused
    /// What a flow sent, known by its port at the sender; `rtt` in microseconds.
    case sent
    /// What arrived of a flow.
    case received
    /// The last line; `failed` is 0 or 1, `nanoseconds` are of the whole run.
    case end

    /// The names of its numbers.
    var names: [String] {
      switch self {
      case .hello: ["version"]
      case .offer: ["flows", "pattern", "duration", "bytes"]
      case .ready: ["flows"]
      case .refused: ["reason"]
      case .sent: ["port", "bytes", "retransmits", "rtt"]
      case .received: ["port", "device", "linear", "plain", "fragments", "checked", "wrong"]
      case .end: ["failed", "nanoseconds"]
      }
    }
  }

  /// Why a receiver does not agree to an offer.
  package enum Refusal: Int, Sendable {
    /// It wants another number of flows.
    case flows = 1
    /// It expects another pattern.
    case pattern = 2
    /// It wants another duration.
    case duration = 3
    /// It could not get ready.
    case failure = 4
  }

  /// The version of what is said after `hello`.
  package static let version = 1

  /// A line is not longer, in bytes, without its end.
  package static let lineLimit = 256

  /// The word of the line.
  package let verb: Verb
  /// In the order of the verb's names.
  package let values: [Int]

  /// - Precondition: There are as many values as the verb has names, none negative.
  package init(_ verb: Verb, _ values: Int...) {
    precondition(values.count == verb.names.count && values.allSatisfy { $0 >= 0 })
    self.verb = verb
    self.values = values
  }

  /// Reads a line, without its end; `nil` for everything that `line` does not write.
  package init?(line: some Collection<UInt8>) {
    guard line.count <= Self.lineLimit, line.allSatisfy({ 0x20...0x7e ~= $0 }) else { return nil }
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard let verb = Verb(rawValue: words[0]), words.count == verb.names.count + 1 else {
      return nil
    }
    var values: [Int] = []
    for (name, word) in zip(verb.names, words.dropFirst()) {
      let digits = word.dropFirst(name.count + 1)
      // Not all that `Int` reads is what it writes: signs, leading zeros.
      guard word.hasPrefix(name + "="), let value = Int(digits), value >= 0,
        String(value) == digits
      else { return nil }
      values.append(value)
    }
    self.verb = verb
    self.values = values
  }

  /// The message as a line, without its end.
  package var line: String {
    verb.rawValue + zip(verb.names, values).map { " \($0)=\($1)" }.joined()
  }
}
