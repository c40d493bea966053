// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Sockets
import TestSupport
import Testing

struct SocketOptionTests {
  private let loopback: Loopback

  init() throws { loopback = try Loopback() }

  /// An option of a socket, as the kernel has it.
  private func option<Value: FixedWidthInteger>(
    _ option: CInt, at level: CInt = SOL_SOCKET, of socket: Descriptor, as type: Value.Type
  ) -> Value {
    var value: Value = 0
    var length = socklen_t(MemoryLayout<Value>.size)
    unsafe getsockopt(socket.rawValue, level, option, &value, &length)
    return value
  }

  @Test(
    "a pace limits the rate, and what the kernel holds back to a hundredth of a second of it",
    arguments: [(1_000_000, 10_000), (100, 4096), (Int(CInt.max) * 1000, CInt.max)])
  func paces(rate: Int, unsent: CInt) throws {
    let connection = try Loopback.connect(to: loopback.address)
    try connection.pace(bytesPerSecond: rate)
    let socket = connection.descriptor
    #expect(option(SO_MAX_PACING_RATE, of: socket, as: UInt64.self) == UInt64(rate))
    let level = CInt(IPPROTO_TCP)
    #expect(option(TCP_NOTSENT_LOWAT, at: level, of: socket, as: CInt.self) == unsent)
  }

  @Test("a connection is readable once so many bytes wait as were asked for, or at its end")
  func waitsForThreshold() throws {
    let sender = try Loopback.connect(to: loopback.address)
    let receiver = try loopback.accept()
    try receiver.setReadableThreshold(8)
    try sender.sendAll([1, 2, 3, 4])
    let socket = receiver.descriptor
    #expect(try !Wait().limited(to: .milliseconds(30)).for(socket, to: "wait"))
    try sender.sendAll([5, 6, 7, 8])
    #expect(try Wait().limited(to: .seconds(10)).for(socket, to: "wait"))
    let bytes = try receiver.receiveWaiting()
    #expect(bytes.count == 8)
    try sender.sendAll([9])
    try sender.finishSending()
    #expect(try Wait().limited(to: .seconds(10)).for(socket, to: "wait"))
  }

  @Test(
    "a connection inherits how long its listener polls busily",
    .enabled("needs CONFIG_NET_RX_BUSY_POLL") {
      SystemFiles().text("/proc/sys/net/core/busy_read") != nil
    })
  func pollsBusily() throws {
    let listener = try Listener(on: try SocketAddress(IPAddress("127.0.0.1")!, port: 0))
    let before = option(SO_BUSY_POLL, of: listener.descriptor, as: CInt.self)
    try listener.pollBusily(for: nil)
    let unchanged = option(SO_BUSY_POLL, of: listener.descriptor, as: CInt.self)
    #expect(unchanged == before)

    let failure = failing { () throws(Failure) in try listener.pollBusily(for: .microseconds(50)) }
    guard failure == nil else {
      #expect(failure?.errno == .notPermitted)
      #expect(failure?.hint?.contains("CAP_NET_ADMIN") == true)
      return
    }
    let address = try listener.localAddress()
    let client = try Loopback.connect(to: try #require(address))
    let connection = try listener.accept()
    #expect(option(SO_BUSY_POLL, of: connection.descriptor, as: CInt.self) == 50)
    try client.finishSending()
  }

  @Test("after some traffic a connection has a round trip, no retransmit, and perhaps a CPU")
  func informs() throws {
    let sender = try Loopback.connect(to: loopback.address)
    let receiver = try loopback.accept()
    try sender.sendAll([1])
    _ = try Wait().limited(to: .seconds(10)).for(receiver.descriptor, to: "wait")
    _ = try receiver.receiveWaiting()
    let information = try sender.information()
    #expect(information.retransmits == 0)
    #expect(information.roundTrip > .zero)
    #expect(information.roundTrip < .seconds(10))
    if let cpu = try receiver.incomingCPU() { #expect(0..<CPUList.limit ~= cpu) }
    // Nothing comes through a NAPI instance over loopback.
    let napi = try receiver.incomingNAPI()
    #expect(napi == nil)
  }

  @Test("segments are as small as the smaller of the two ends' limits")
  func limitsSegments() throws {
    var (small, large) = (TCPSettings(), TCPSettings())
    (small.segmentSize, large.segmentSize) = (600, 700)
    for (listening, connecting) in [(small, large), (large, small)] {
      let any = try SocketAddress(IPAddress(octets: [127, 0, 0, 1]), port: 0)
      let listener = try Listener(on: any, as: listening)
      let client = try Connection(
        to: try #require(try listener.localAddress()), from: nil, through: Loopback.index,
        as: connecting, Wait().limited(to: .seconds(10)))
      let server = try listener.next(Wait(), for: .seconds(10))
      for end in [try client.information(), try server.information()] {
        #expect(501...600 ~= end.segmentSize)
        #expect(end.congestionWindow > 0)
      }
    }
  }

  @Test("a congestion control is used, or its lack is what the kernel cannot do")
  func choosesCongestionControl() throws {
    var settings = TCPSettings()
    // It is always there (`net/ipv4/tcp_cong.c`, `tcp_congestion_default`).
    settings.congestionControl = "reno"
    let connection = try Connection(
      to: loopback.address, from: nil, through: Loopback.index, as: settings,
      Wait().limited(to: .seconds(10)))
    #expect(try connection.information().congestionControl == "reno")
    settings.congestionControl = "nothing"
    let failure = failing { () throws(Failure) in
      _ = try Connection(
        to: loopback.address, from: nil, through: Loopback.index, as: settings,
        Wait().limited(to: .seconds(10))
      ).descriptor
    }
    #expect(failure?.kind == .unsupported)
    #expect(
      failure?.description.contains("nothing: ENOENT") == true, "\(failure?.description ?? "")")
    #expect(failure?.hint?.contains("tcp_available_congestion_control") == true)
  }

  @Test("either end knows the other one's port")
  func knowsPorts() throws {
    let client = try Loopback.connect(to: loopback.address)
    let server = try loopback.accept()
    let (ports, peers) = (
      [try client.localPort(), try server.localPort()], [server.peer?.port, client.peer?.port]
    )
    #expect(ports == peers)
    #expect(ports[1] == loopback.address.port)
  }
}
