// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel
package import Sockets

/// The connection over which two ends agree on a measurement. The other end is not trusted: it gets
/// so much time for each line, a line has a limit, and the first one that is not as it must be ends
/// the conversation.
package final class ControlChannel {
  private let connection: Connection
  private let patience: Int?
  private let stop: CInt
  private var received: [UInt8] = []

  /// - Parameters:
  ///   - patience: How long the peer may take for a line, in seconds; `nil` for however long.
  ///   - stop: A descriptor that is readable when a wait is to be given up.
  package init(over connection: consuming Connection, patience: Int?, orStoppedBy stop: CInt) {
    self.connection = connection
    self.patience = patience
    self.stop = stop
  }

  /// For `poll`: readable when the peer says something or is gone.
  package var rawDescriptor: CInt { connection.rawDescriptor }

  /// The other end's address.
  package var peer: SocketAddress? { connection.peer }

  /// Whether the peer is gone and has left nothing to be read.
  package var isOver: Bool {
    var byte: UInt8 = 0
    let flags = CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)
    let count = unsafe recv(connection.rawDescriptor, &byte, 1, flags)
    return count == 0 || (count < 0 && Errno.last != .tryAgain && Errno.last != .interrupted)
  }

  /// Greets the peer, and makes sure that it speaks the same version.
  package func greet() throws(Failure) {
    try send(PeerMessage(.hello, PeerMessage.version))
    let version = try receive(.hello)[0]
    guard version == PeerMessage.version else {
      throw Failure(
        "agree with the peer",
        reason: "it speaks version \(version) of the control protocol, not "
          + "\(PeerMessage.version)", hint: "use the same ncdevmem on both ends")
    }
  }

  /// Sends a message.
  ///
  /// - Throws: A `Failure` with `EINTR` after a stop signal, with `ETIMEDOUT` if the peer does not
  ///   read.
  package func send(_ message: PeerMessage) throws(Failure) {
    var rest = Array((message.line + "\n").utf8)[...]
    let deadline = deadline
    while !rest.isEmpty {
      do throws(Errno) {
        let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
        let count = try retrying {
          unsafe rest.withUnsafeBytes {
            unsafe Glibc.send(connection.rawDescriptor, $0.baseAddress, $0.count, flags)
          }
        }
        rest = rest.dropFirst(count)
      } catch {
        guard error == .tryAgain else { throw Failure("tell the peer", errno: error) }
        try wait(for: .writing, until: deadline)
      }
    }
  }

  /// Receives a message of a kind.
  ///
  /// - Returns: Its values.
  /// - Throws: A `Failure` with `EPROTO` for any other line.
  package func receive(_ verb: PeerMessage.Verb) throws(Failure) -> [Int] {
    let message = try receive()
    guard message.verb == verb else {
      throw violation("it said \(message.verb) where \(verb) was due")
    }
    return message.values
  }

  /// Receives a message.
  ///
  /// - Throws: A `Failure` with `EPROTO` for a line that is none, with `EINTR` after a stop signal,
  ///   with `ETIMEDOUT` if it does not come, with `ECONNRESET` if the peer is gone.
  package func receive() throws(Failure) -> PeerMessage {
    let deadline = deadline
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        let message = PeerMessage(line: received[..<end])
        received.removeFirst(end + 1)
        guard let message else { throw violation("it sent a malformed line") }
        return message
      }
      guard received.count <= PeerMessage.lineLimit else {
        throw violation("it sent a line without end")
      }
      try receiveMore(until: deadline)
    }
  }

  private func receiveMore(until deadline: Instant?) throws(Failure) {
    try wait(for: .reading, until: deadline)
    var piece = [UInt8](repeating: 0, count: PeerMessage.lineLimit + 1)
    do throws(Errno) {
      let count = try retrying {
        unsafe piece.withUnsafeMutableBytes {
          unsafe recv(connection.rawDescriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
        }
      }
      guard count > 0 else { throw .connectionReset }
      received += piece[..<count]
    } catch {
      guard error != .tryAgain else { return }
      throw Failure(
        "hear from the peer", errno: error, reason: "it closed the control connection",
        hint: "it tells why on its own standard error")
    }
  }

  private var deadline: Instant? { patience.map { Instant.now.advanced(milliseconds: $0 * 1000) } }

  private func wait(for interest: Interest, until deadline: Instant?) throws(Failure) {
    let readiness = try attempt("wait for the peer") { () throws(Errno) in
      try waitUntilReady(
        connection.rawDescriptor, for: interest, until: deadline, orStoppedBy: stop)
    }
    switch readiness {
    case .ready: return
    case .stopped: throw Failure("wait for the peer", errno: .interrupted)
    case .timedOut:
      throw Failure(
        "hear from the peer", errno: .timedOut,
        reason: "nothing on the control connection for \(patience ?? 0) s (--timeout)")
    }
  }

  private func violation(_ reason: String) -> Failure {
    Failure("understand the peer", errno: .protocolError, reason: reason)
  }
}
