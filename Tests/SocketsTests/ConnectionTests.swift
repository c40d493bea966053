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

struct SendNoticeTests {
  @Test("a connection made is ready to send from device memory, with no notice and no error")
  func connects() throws {
    let address = try #require(IPAddress("127.0.0.1"))
    let listener = try Listener(on: try SocketAddress(address, port: 0))
    let local = try listener.localAddress()
    let stop = try Pipe()
    let connection = try Connection(
      to: try #require(local), from: nil, through: "lo", until: .now.advanced(milliseconds: 1000),
      orStoppedBy: stop.reader.rawValue)
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

  @Test("a port where nobody listens, and an interface that is not there, are refused")
  func refuses() throws {
    let stop = try Pipe()
    let address = try SocketAddress(try #require(IPAddress("127.0.0.1")), port: 1)
    let stopDescriptor = stop.reader.rawValue
    let refused = #expect(throws: Failure.self) {
      _ = try Connection(
        to: address, from: nil, through: "lo", until: .now.advanced(milliseconds: 1000),
        orStoppedBy: stopDescriptor
      ).rawDescriptor
    }
    #expect(refused?.errno?.name == "ECONNREFUSED")
    let missing = #expect(throws: Failure.self) {
      _ = try Connection(
        to: address, from: nil, through: "nosuch0", until: nil, orStoppedBy: stopDescriptor
      ).rawDescriptor
    }
    #expect(missing?.errno == .noDevice)
  }
}
