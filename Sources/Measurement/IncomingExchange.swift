// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Sockets

/// What a received flow of exchanges sends: an answer to each message that has come, or the next
/// request. It goes from host memory, whatever it is; nobody reads it.
struct IncomingExchange: ~Copyable {
  private let part: ExchangePart
  /// What failures call the flow.
  private let name: String
  private let message: [UInt8]
  /// How many bytes have come once the message that is due is whole.
  private var goal: Int
  private var clock: ExchangeClock?
  /// How long exchanges took; `nil` where this end does not ask.
  var latencies: LatencyHistogram? { clock?.latencies }

  init(_ part: ExchangePart, of flow: Int) {
    self.part = part
    name = "flow \(flow)"
    message = [UInt8](repeating: 0, count: part.outgoing)
    goal = part.incoming
    clock = part.asking.map(ExchangeClock.init)
  }

  /// Asks for the first message, if this end is the one that asks.
  mutating func begin(over connection: borrowing Connection, _ wait: Wait) throws(Failure) {
    guard clock != nil else { return }
    clock?.start()
    try send(over: connection, wait)
  }

  /// Does what is due once so many bytes have come.
  mutating func advance(
    to received: Int, over connection: borrowing Connection, _ wait: Wait
  ) throws(Failure) {
    guard received >= goal else { return }
    guard received == goal else {
      throw Failure(
        "receive a message", on: name, errno: .protocolError,
        reason: "it has more than \(part.incoming) bytes", hint: ControlChannel.hint)
    }
    goal += part.incoming
    // Who only answers goes on until there are no more requests.
    guard clock?.lap() == false else { return try send(over: connection, wait) }
    try attempt("end", on: name) { () throws(Errno) in try connection.finishSending() }
  }

  /// Sends a message. The peer waits for it, and so reads it.
  private func send(over connection: borrowing Connection, _ wait: Wait) throws(Failure) {
    try connection.sendCopies(
      of: message.span, wait, within: Self.patience, to: "send a message", on: name,
      orBecause: "the peer does not read")
  }

  /// How long the peer may leave no room for a message.
  private static let patience = Duration.seconds(30)
}
