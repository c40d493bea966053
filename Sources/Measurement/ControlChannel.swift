// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets

/// The connection over which two ends agree on a measurement. The other end is not trusted: each
/// line has a limit in time and in length, and the first invalid line ends the conversation.
package final class ControlChannel {
  private let connection: Connection
  private let timeout: Duration?
  private let wait: Wait
  private var received: [UInt8] = []
  private var falseStarts = FalseStarts()

  /// - Parameters:
  ///   - timeout: How long the peer may take for a line; `nil` for no limit.
  ///   - wait: What ends the waits early.
  package init(over connection: consuming Connection, timeout: Duration?, _ wait: Wait) {
    self.connection = connection
    self.timeout = timeout
    self.wait = wait
  }

  /// Readable when the peer has sent something or has closed the connection.
  package var descriptor: Descriptor { connection.descriptor }

  /// Whether the connection has ended and nothing is left to read.
  package var isOver: Bool { connection.isOver }

  /// The other end.
  package var peer: SocketAddress? { connection.peer }

  /// This end.
  package func localAddress() throws(Errno) -> SocketAddress? { try connection.localAddress() }

  /// Greets the peer, and checks that it uses the same version.
  package func greet() throws(Failure) {
    try send(PeerMessage(.hello, PeerMessage.version))
    try Self.checkVersion(try receive(.hello))
  }

  /// Checks that the peer uses the same version.
  ///
  /// - Parameter values: Those of `PeerMessage.Verb.hello`.
  static func checkVersion(_ values: [Int]) throws(Failure) {
    let version = values[0]
    guard version == PeerMessage.version else {
      throw Failure(
        "agree with the peer",
        reason: "it speaks version \(version) of the control protocol, not "
          + "\(PeerMessage.version)",
        hint:
          "\(version < PeerMessage.version ? "it is older: " : "")use the same ncdevmem on both "
          + "ends")
    }
  }

  /// Sends a message.
  ///
  /// - Parameter limit: How long the peer may take; as long as for any line if `nil`.
  /// - Throws: A `Failure` of the kind `stopped` after a stop, with `ETIMEDOUT` if the peer does
  ///   not read.
  package func send(_ message: PeerMessage, within limit: Duration? = nil) throws(Failure) {
    try connection.sendCopies(
      of: Array((message.line + "\n").utf8).span, wait.limited(to: limit ?? timeout),
      to: "report to the peer", orBecause: "it does not read")
  }

  /// Receives a message of a kind.
  ///
  /// - Returns: Its values.
  /// - Throws: A `Failure` with `EPROTO` for any other line.
  package func receive(_ verb: PeerMessage.Verb) throws(Failure) -> [Int] {
    try Self.values(of: try receive(), being: verb)
  }

  private static func values(
    of message: PeerMessage, being verb: PeerMessage.Verb
  ) throws(Failure) -> [Int] {
    guard message.verb == verb else {
      throw violation("it said \(message.verb) where \(verb) was due")
    }
    return message.values
  }

  /// Receives a message.
  ///
  /// - Throws: A `Failure` with `EPROTO` for a line that is none, of the kind `stopped` after a
  ///   stop, with `ETIMEDOUT` if it does not come, with `ECONNRESET` if the peer is gone.
  package func receive() throws(Failure) -> PeerMessage {
    let wait = wait.limited(to: timeout)
    while true {
      if let message = try next() { return message }
      try waitUntilReadable(wait)
      try receiveWaiting()
    }
  }

  /// The next message of a kind, of what was received.
  ///
  /// - Returns: Its values; `nil` if it has not come to its end.
  /// - Throws: A `Failure` with `EPROTO` for any other line.
  func next(_ verb: PeerMessage.Verb) throws(Failure) -> [Int]? {
    guard let message = try next() else { return nil }
    return try Self.values(of: message, being: verb)
  }

  private func next() throws(Failure) -> PeerMessage? {
    guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else {
      guard received.count <= PeerMessage.lineLimit else {
        throw Self.violation("it sent a line without end")
      }
      return nil
    }
    let line = received[..<end]
    received.removeFirst(end + 1)
    return try message(of: line)
  }

  private func message(of line: ArraySlice<UInt8>) throws(Failure) -> PeerMessage {
    do throws(PeerMessage.Violation) {
      return try PeerMessage(line: line)
    } catch {
      switch error {
      case .malformed: throw Self.violation("it sent a malformed line")
      case .outOfBounds(let name):
        throw Self.violation("it sent a line whose \(name) is out of bounds")
      }
    }
  }

  /// Receives what waits, up to a line's length.
  ///
  /// - Throws: A `Failure` with `ECONNRESET` if the peer is gone.
  func receiveWaiting() throws(Failure) {
    var piece = [UInt8](repeating: 0, count: PeerMessage.lineLimit + 1)
    do throws(Errno) {
      var span = piece.mutableSpan
      var bytes = unsafe span.mutableBytes
      let count = try connection.receiveCopy(into: &bytes)
      guard count > 0 else { throw .connectionReset }
      falseStarts.end()
      received += piece[..<count]
    } catch {
      if error == .tryAgain, falseStarts.mayGoOn() { return }
      throw Failure(
        "hear from the peer", errno: error, reason: "it closed the control connection",
        hint: Self.hint)
    }
  }

  /// Where to find the reason when the peer ends the conversation.
  package static let hint = "its own standard error says why"

  private func waitUntilReadable(_ wait: Wait) throws(Failure) {
    guard try wait.for(connection.descriptor, to: "wait for the peer") else {
      throw Failure(
        "hear from the peer", errno: .timedOut,
        reason: "nothing on the control connection for \(timeout.asTimeout)")
    }
  }

  /// What is wrong with what the peer said.
  static func violation(_ reason: String) -> Failure {
    Failure("understand the peer", errno: .protocolError, reason: reason)
  }
}
