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

  @Test("a port has one listener: a second one is refused, whatever options the first has set")
  func listensAlone() throws {
    let any = try SocketAddress(IPAddress("127.0.0.1")!, port: 0)
    let first = try Listener(on: any)
    let port = try #require(try first.localAddress()).port
    // A socket that would share its port, as the C tool's does.
    let raw = try retrying { socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0) }
    let sharing = OwnedDescriptor(owning: raw)
    var on: CInt = 1
    for option in [SO_REUSEADDR, SO_REUSEPORT] {
      let size = socklen_t(MemoryLayout<CInt>.size)
      try retrying { unsafe setsockopt(sharing.rawValue, SOL_SOCKET, option, &on, size) }
    }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    func bindAndListen(_ port: UInt16) throws(Errno) -> UInt16 {
      name.sin_port = port.bigEndian
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      try retrying {
        unsafe withUnsafeMutablePointer(to: &name) {
          unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(sharing.rawValue, $0, size)
          }
        }
      }
      try retrying { listen(sharing.rawValue, 1) }
      try retrying {
        unsafe withUnsafeMutablePointer(to: &name) {
          unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe getsockname(sharing.rawValue, $0, &size)
          }
        }
      }
      return UInt16(bigEndian: name.sin_port)
    }
    #expect(throws: Errno(EADDRINUSE)) { _ = try bindAndListen(port) }
    let other = try SocketAddress(IPAddress("127.0.0.1")!, port: try bindAndListen(0))
    for taken in [try SocketAddress(IPAddress("127.0.0.1")!, port: port), other] {
      let failure = #expect(throws: Failure.self) { _ = try Listener(on: taken).descriptor }
      #expect(failure?.errno == Errno(EADDRINUSE))
      #expect(failure?.hint?.contains("the port free?") == true)
    }
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

  @Test("a connection from another address is closed, and does not prolong the wait")
  func keepsToAddress() throws {
    let listener = try Listener(
      on: try SocketAddress(IPAddress("127.0.0.1")!, port: 0), backlog: 64)
    let address = try #require(try listener.localAddress())
    @Sendable func connect(from octet: UInt8) throws(Failure) -> Connection {
      let source = try SocketAddress(IPAddress(octets: [127, 0, 0, octet]), port: 0)
      return try Connection(
        to: address, from: source, through: Loopback.index, Wait().limited(to: .seconds(10)))
    }
    let admission = Admission(only: IPAddress("127.0.0.9")!, because: "-c")
    let stranger = try connect(from: 7)
    let own = try connect(from: 9)
    let taken = try listener.next(Wait(), for: .seconds(10), from: admission).peer
    #expect(taken?.address == IPAddress("127.0.0.9"))
    let bytes = try stranger.receiveAll()
    #expect(bytes.isEmpty)

    // They come again and again, for as long as the wait lasts, and at most for 20 seconds.
    let end = try Event()
    let calls = try BackgroundWork { () throws(Failure) in
      for _ in 0..<1000 {
        _ = try connect(from: 7).descriptor
        guard try !Wait().limited(to: .milliseconds(20)).for(end.descriptor, to: "call") else {
          return
        }
      }
    }
    let start = Instant.now
    let failure = failing { () throws(Failure) in
      _ = try listener.next(Wait(), for: .milliseconds(200), from: admission).descriptor
    }
    let passed = Instant.now.since(start)
    end.raise()
    #expect(failure?.errno == .timedOut)
    #expect(failure?.reason?.contains("that were closed") == true)
    #expect(passed >= .milliseconds(200) && passed < .seconds(10))
    try calls.result().get()
    let isOpen = own.descriptor.rawValue >= 0
    #expect(isOpen)
  }

  @Test("brackets set an IPv6 address apart from its port")
  func describesAddresses() throws {
    let v6 = try SocketAddress(try #require(IPAddress("2001:db8::1")), port: 5201)
    #expect(v6.description == "[2001:db8::1]:5201")
  }

  @Test("a connection is over once the peer is gone and all that it left is received")
  func ends() throws {
    let loopback = try Loopback()
    let peer = try Loopback.connect(to: loopback.address)
    let connection = try loopback.accept()
    let fresh = connection.isOver
    #expect(!fresh)
    try peer.sendAll([1])
    try peer.finishSending()
    _ = try Wait().limited(to: .seconds(10)).for(connection.descriptor, to: "wait")
    let unread = connection.isOver
    #expect(!unread)
    let bytes = try connection.receiveAll()
    #expect(bytes == [1])
    let read = connection.isOver
    #expect(read)
  }

  @Test("a connection that the peer broke off is over, with an error that is taken once")
  func breaks() throws {
    let loopback = try Loopback()
    let connection = try brokenOff(by: loopback)
    let isOver = connection.isOver
    #expect(isOver)
    // To look has taken the error.
    let none = try connection.takeError()
    #expect(none == nil)

    let other = try brokenOff(by: loopback)
    let error = try other.takeError()
    #expect(error == .connectionReset)
    let again = try other.takeError()
    #expect(again == nil)
  }

  /// A connection whose peer closed it without having read what was sent.
  private func brokenOff(by loopback: Loopback) throws -> Connection {
    let connection = try Loopback.connect(to: loopback.address)
    do {
      let peer = try loopback.accept()
      try connection.sendAll([1])
      _ = try Wait().limited(to: .seconds(10)).for(peer.descriptor, to: "wait")
    }
    _ = try Wait().limited(to: .seconds(10)).for(connection.descriptor, .errors, to: "wait")
    return connection
  }

  @Test(
    "what the peer's kernel has acknowledged is known byte by byte, and the end apart from it",
    arguments: [false, true])
  func knowsAcknowledged(isAccepted: Bool) throws {
    let loopback = try Loopback()
    let made = try Loopback.connect(to: loopback.address)
    let accepted = try loopback.accept()
    if isAccepted {
      try watch(accepted, acknowledgedBy: made)
    } else {
      try watch(made, acknowledgedBy: accepted)
    }
  }

  private func watch(
    _ connection: borrowing Connection, acknowledgedBy peer: borrowing Connection
  ) throws {
    /// What there is, as soon as it is so much.
    func acknowledged(
      of connection: borrowing Connection, _ isEnough: (Acknowledgement) -> Bool
    ) throws -> Acknowledgement {
      let deadline = Wait().limited(to: .seconds(10))
      while true {
        let state = try connection.acknowledgement()
        if isEnough(state) || deadline.isOver { return state }
        pause(for: .milliseconds(1))
      }
    }
    #expect(try connection.acknowledgement() == Acknowledgement(bytes: 0))
    try connection.sendAll([1, 2, 3])
    let three = try acknowledged(of: connection) { $0.bytes(of: 3) == 3 }
    #expect(three == Acknowledgement(bytes: 3))
    #expect(three.bytes(of: 2) == 2)
    #expect(!three.isWhole(of: 3))
    try connection.finishSending()
    let end = try acknowledged(of: connection) { $0.isWhole(of: 3) }
    #expect(end == Acknowledgement(bytes: 3, andEnd: true))
    #expect(end.bytes(of: 3) == 3)
    #expect(!end.isWhole(of: 4))
    // The peer's end closes the connection, which makes no difference.
    let bytes = try peer.receiveAll()
    #expect(bytes == [1, 2, 3])
    try peer.finishSending()
    _ = try Wait().limited(to: .seconds(10)).for(connection.descriptor, to: "wait")
    #expect(try connection.acknowledgement() == end)
    #expect(try connection.takeError() == nil)
  }

  @Test("a peer that ends its stream first acknowledges the same")
  func knowsAcknowledgedOfEnded() throws {
    let loopback = try Loopback()
    let connection = try Loopback.connect(to: loopback.address)
    let peer = try loopback.accept()
    try peer.finishSending()
    try connection.sendAll([1])
    try connection.finishSending()
    let deadline = Wait().limited(to: .seconds(10))
    while try !connection.acknowledgement().isWhole(of: 1), !deadline.isOver {
      pause(for: .milliseconds(1))
    }
    #expect(try connection.acknowledgement() == Acknowledgement(bytes: 1, andEnd: true))
    #expect(try connection.takeError() == nil)
    _ = try peer.receiveAll()
  }

  @Test("what waits is received piece by piece, and never waited for")
  func receivesCopies() throws {
    let loopback = try Loopback()
    let peer = try Loopback.connect(to: loopback.address)
    let connection = try loopback.accept()
    var piece: [UInt8] = [0, 0]
    func receive() throws(Errno) -> Int {
      var span = piece.mutableSpan
      var bytes = unsafe span.mutableBytes
      return try connection.receiveCopy(into: &bytes)
    }
    #expect(throws: Errno.tryAgain) { _ = try receive() }
    try peer.sendAll([1, 2, 3])
    _ = try Wait().limited(to: .seconds(10)).for(connection.descriptor, to: "wait")
    let first = try receive()
    #expect(first == 2)
    #expect(piece == [1, 2])
    let second = try receive()
    #expect(second == 1)
    #expect(piece == [3, 2])
    try peer.finishSending()
    _ = try Wait().limited(to: .seconds(10)).for(connection.descriptor, to: "wait")
    let end = try receive()
    #expect(end == 0)
  }

  @Test("a full connection takes no more, and one without a peer fails without a signal")
  func sendsCopies() throws {
    let loopback = try Loopback()
    let connection = try Loopback.connect(to: loopback.address)
    let bytes = [UInt8](repeating: 0, count: 1 << 20)
    var error: Errno?
    func fill() {
      do throws(Errno) {
        while true { _ = try connection.sendCopy(bytes.span) }
      } catch let caught {
        error = caught
      }
    }
    fill()
    #expect(error == .tryAgain)
    _ = try loopback.accept().descriptor
    _ = try Wait().limited(to: .seconds(10)).for(connection.descriptor, .errors, to: "wait")
    // The first call takes the error that the connection has come to.
    fill()
    fill()
    #expect(error == Errno(EPIPE))
  }
}

struct ConnectTests {
  @Test("a connection made is ready to send from device memory, with no notice and no error")
  func connects() throws {
    let address = try #require(IPAddress("127.0.0.1"))
    let listener = try Listener(on: try SocketAddress(address, port: 0))
    let local = try listener.localAddress()
    let connection = try Connection(
      to: try #require(local), from: nil, through: Loopback.index, Wait().limited(to: .seconds(1)))
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
        to: address, from: nil, through: Loopback.index, Wait().limited(to: .seconds(1))
      ).descriptor
    }
    #expect(refused?.errno?.name == "ECONNREFUSED")
    let missing = #expect(throws: Failure.self) {
      _ = try Connection(to: address, from: nil, through: 0x7fff_fff0, Wait()).descriptor
    }
    #expect(missing?.errno == .noDevice)
  }

  @Test("a listener with too many connections holds one up until its time is over, or a stop comes")
  func waits() throws {
    let loopback = try Loopback(backlog: 0)
    // Those that wait to be taken: the kernel takes one more than the backlog.
    var waiting: [Waiting] = []
    func connect(_ wait: Wait) -> Failure? {
      failing { () throws(Failure) in
        let connection = try Connection(
          to: loopback.address, from: nil, through: Loopback.index,
          wait.limited(to: .milliseconds(200)))
        waiting.append(Waiting(connection))
      }
    }
    var failure: Failure?
    while failure == nil, waiting.count < 4 { failure = connect(Wait()) }
    #expect(failure?.errno == .timedOut)
    #expect(failure?.operation == "connect to")
    let stop = try Event()
    stop.raise()
    #expect(connect(Wait(orStoppedBy: stop.descriptor))?.kind == .stopped)
    #expect(!waiting.isEmpty)
  }

  /// Keeps a connection.
  private final class Waiting {
    private let connection: Connection

    init(_ connection: consuming Connection) { self.connection = connection }
  }

  @Test("a connection leaves from the address and port that it is to leave from")
  func choosesSource() throws {
    let loopback = try Loopback()
    let source = try SocketAddress(IPAddress(octets: [127, 0, 0, 2]), port: 0)
    let connection = try Connection(
      to: loopback.address, from: source, through: Loopback.index, Wait().limited(to: .seconds(10)))
    let peer = try loopback.accept().peer
    #expect(peer?.address == source.address)
    let port = try connection.localPort()
    #expect(peer?.port == port)
    let foreign = try SocketAddress(IPAddress(octets: [192, 0, 2, 77]), port: 0)
    let failure = failing { () throws(Failure) in
      _ = try Connection(to: loopback.address, from: foreign, through: Loopback.index, Wait())
        .descriptor
    }
    #expect(failure?.operation == "send from")
    #expect(failure?.errno == Errno(EADDRNOTAVAIL))
  }
}
