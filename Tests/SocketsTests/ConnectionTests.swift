// SPDX-License-Identifier: GPL-2.0-only

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
    #expect(throws: Errno.tryAgain) { _ = try listener.accept().rawDescriptor }
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
    let failure = #expect(throws: Failure.self) { _ = try Listener(on: address).rawDescriptor }
    #expect(failure?.errno == .addressNotAvailable)
    #expect(failure?.subject == "192.0.2.77:5201")
  }

  @Test("an IPv6 address is told from its port by brackets")
  func describesAddresses() throws {
    let v6 = try SocketAddress(try #require(IPAddress("2001:db8::1")), port: 5201)
    #expect(v6.description == "[2001:db8::1]:5201")
  }
}
