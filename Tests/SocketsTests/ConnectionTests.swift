// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Sockets
import TestSupport
import Testing

struct ConnectionTests {
  @Test(
    "a listener hands out the connection that waits, with its peer",
    arguments: ["127.0.0.1", "::1"])
  func accepts(text: String) throws {
    let address = try #require(IPAddress(text))
    let listener = try Listener(on: try SocketAddress(address, port: 0))
    #expect(throws: Errno.tryAgain) { _ = try listener.accept().descriptor }
    let local = try listener.localAddress()
    let client = try TCPClient(to: address, port: try #require(local).port)
    let connection = try listener.accept()
    let peer = connection.peer
    #expect(peer?.address == address)

    var frame = ReceiveFrame()
    #expect(throws: Errno.tryAgain) { _ = try connection.receive(into: &frame) }
    try client.write([1, 2, 3])
    let count = try connection.receive(into: &frame)
    #expect(count == 3)
    let hasMessages = !frame.controlMessages.isEmpty
    #expect(!hasMessages)
    let last = unsafe frame.payload(3).unsafeLoad(fromByteOffset: 2, as: UInt8.self)
    #expect(last == 3)
  }

  @Test("an address that is not ours cannot be listened on")
  func refusesForeignAddress() throws {
    let address = try SocketAddress(try #require(IPAddress("192.0.2.77")), port: 5201)
    let failure = #expect(throws: Failure.self) { _ = try Listener(on: address).descriptor }
    #expect(failure?.errno == Errno(EADDRNOTAVAIL))
    #expect(failure?.subject == "192.0.2.77:5201")
  }

  @Test("a wait for a connection ends by one, a deadline, a stop, or whatever else is watched")
  func waits() throws {
    let listener = try Listener(on: try SocketAddress(IPAddress("127.0.0.1")!, port: 0))
    let port = try #require(try listener.localAddress()).port
    let (stop, other) = (try Event(), try Event())
    let wait = Wait(orStoppedBy: stop.descriptor)
    func next(_ check: () throws(Failure) -> Void) -> Failure? {
      failing { () throws(Failure) in
        _ = try listener.next(
          wait, for: .milliseconds(10), watching: other.descriptor, check
        ).descriptor
      }
    }
    #expect(next {}?.errno == .timedOut)
    other.raise()
    #expect(next { () throws(Failure) in throw Failure("watch") }?.operation == "watch")
    // What does not end the wait is watched no longer.
    var checks = 0
    #expect(next { checks += 1 }?.errno == .timedOut)
    #expect(checks == 1)
    let client = try TCPClient(to: IPAddress("127.0.0.1")!, port: port)
    #expect(next {} == nil)
    try client.write([1])
    stop.raise()
    #expect(next {}?.kind == .stopped)
  }

  @Test("brackets set an IPv6 address apart from its port")
  func describesAddresses() throws {
    let v6 = try SocketAddress(try #require(IPAddress("2001:db8::1")), port: 5201)
    #expect(v6.description == "[2001:db8::1]:5201")
  }
}

struct SendNoticeTests {
  @Test("a connection made is ready to send from device memory, with no notice and no error")
  func connects() throws {
    let address = try #require(IPAddress("127.0.0.1"))
    let listener = try Listener(on: try SocketAddress(address, port: 0))
    let local = try listener.localAddress()
    let connection = try Connection(
      to: try #require(local), from: nil, through: "lo", Wait().limited(to: .seconds(1)))
    let notice = try connection.takeNotice()
    #expect(notice == nil)
    let error = try connection.takeError()
    #expect(error == nil)
    try connection.finishSending()
    let accepted = try listener.accept()
    var frame = ReceiveFrame()
    let count = try accepted.receive(into: &frame)
    #expect(count == 0)
  }

  @Test("a port without a listener, and an interface that does not exist, are refused")
  func refuses() throws {
    let address = try SocketAddress(try #require(IPAddress("127.0.0.1")), port: 1)
    let refused = #expect(throws: Failure.self) {
      _ = try Connection(
        to: address, from: nil, through: "lo", Wait().limited(to: .seconds(1))
      ).descriptor
    }
    #expect(refused?.errno?.name == "ECONNREFUSED")
    let missing = #expect(throws: Failure.self) {
      _ = try Connection(to: address, from: nil, through: "nosuch0", Wait()).descriptor
    }
    #expect(missing?.errno == .noDevice)
  }
}
