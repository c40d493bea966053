// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets

/// A listener on this host, and connections to it. No wait is longer than 10 seconds.
package final class Loopback {
  private let listener: Listener

  /// The index of this host's loopback interface, which is always the first one.
  package static let index: UInt32 = 1

  /// Where it listens.
  package let address: SocketAddress

  /// Listens on a port of the kernel's choice.
  ///
  /// - Parameter backlog: How many connections may wait to be taken.
  package init(backlog: Int = 16) throws(Failure) {
    let any = try SocketAddress(IPAddress(octets: [127, 0, 0, 1]), port: 0)
    let listener = try Listener(on: any, backlog: backlog)
    var address: SocketAddress?
    do throws(Errno) {
      address = try listener.localAddress()
    } catch {
      throw Failure("ask where a listener listens", errno: error)
    }
    guard let address else { throw Failure("ask where a listener listens") }
    self.address = address
    self.listener = listener
  }

  /// Takes the next connection.
  package func accept() throws(Failure) -> Connection {
    try listener.next(Wait(), for: .seconds(10))
  }

  /// Makes a connection to a listener on this host.
  package static func connect(to address: SocketAddress) throws(Failure) -> Connection {
    try Connection(to: address, from: nil, through: index, Wait().limited(to: .seconds(10)))
  }
}

extension Connection {
  /// Sends all of some bytes, as copies.
  package func sendAll(_ bytes: [UInt8]) throws(Failure) {
    try sendCopies(
      of: bytes.span, Wait(), within: .seconds(10), to: "send",
      orBecause: "the test does not read")
  }

  /// Receives what waits: until nothing does, or the peer has ended the stream.
  package func receiveWaiting() throws(Failure) -> [UInt8] {
    var all: [UInt8] = []
    while let bytes = try receivePiece(), !bytes.isEmpty { all += bytes }
    return all
  }

  /// Receives until the peer ends the stream.
  package func receiveAll() throws(Failure) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      guard try Wait().limited(to: .seconds(10)).for(descriptor, to: "receive") else {
        throw Failure("receive", errno: .timedOut)
      }
      guard let bytes = try receivePiece() else { continue }
      if bytes.isEmpty { return all }
      all += bytes
    }
  }

  /// What one call receives; nothing at the end, `nil` if nothing waits.
  private func receivePiece() throws(Failure) -> ArraySlice<UInt8>? {
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    do throws(Errno) {
      var span = piece.mutableSpan
      var bytes = unsafe span.mutableBytes
      let count = try receiveCopy(into: &bytes)
      return piece[..<count]
    } catch {
      guard error != .tryAgain else { return nil }
      throw Failure("receive", errno: error)
    }
  }
}
