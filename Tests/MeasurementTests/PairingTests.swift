// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

/// A row of a table: what a receiver's command line asks for, and what either end says of it.
private struct Refusal: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var agreement = Agreement(flows: 2, patternPeriod: 7, duration: .seconds(10))
  var options = MeasurementOptions()
  var period = 7
  let receiver: String
  let sender: String

  static let table = [
    Refusal(
      testDescription: "another number of flows", options: MeasurementOptions(flows: 3),
      receiver: "it offers 2 flows", sender: "the receiver wants another number of flows"),
    Refusal(
      testDescription: "more threads than flows", options: options { $0.threads = 3 },
      receiver: "it offers 2 flows", sender: "the receiver wants another number of flows"),
    Refusal(
      testDescription: "another pattern", period: 8, receiver: "it offers pattern 7",
      sender: "the receiver expects another pattern (-v)"),
    Refusal(
      testDescription: "another duration", options: options { $0.duration = .seconds(11) },
      receiver: "it offers 10 s", sender: "the receiver wants another duration"),
    Refusal(
      testDescription: "another warm-up",
      agreement: Agreement(
        flows: 2, patternPeriod: 7, duration: .seconds(1), omitting: .seconds(3)),
      options: options { $0.omitted = .seconds(2) }, receiver: "it leaves out 3 s",
      sender: "the receiver wants to leave out another time (--omit)"),
    Refusal(
      testDescription: "a duration where there is a length",
      agreement: Agreement(flows: 2, patternPeriod: 7, bytesPerFlow: 1000),
      options: options { $0.duration = .seconds(10) }, receiver: "it offers no duration",
      sender: "the receiver wants another duration"),
  ]

  private static func options(
    _ change: (inout MeasurementOptions) -> Void
  ) -> MeasurementOptions {
    var options = MeasurementOptions()
    change(&options)
    return options
  }
}

/// A row of a table: figures of both ends that do not agree, and what either end says of them.
private struct Difference: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var sent = [
    Flow(index: 0, port: 40000, bytes: 100),
    Flow(index: 1, port: 40001, bytes: 100),
  ]
  var received = [UInt16(40000): 100, 40001: 100]
  var hasFailed = false
  /// `nil` where the receiver says nothing more than it knew.
  let receiver: String?
  let sender: String

  /// What a row says of a flow that was sent.
  struct Flow: Sendable {
    let index: Int
    let port: UInt16
    let bytes: Int
  }
}

struct PairingTests {
  private let agreement = Agreement(flows: 2, patternPeriod: 7, duration: .seconds(10))

  /// Has both ends talk to each other: agree, and then exchange figures.
  ///
  /// - Parameter prepare: What the receiver does once it has agreed.
  private func converse(
    on agreement: Agreement, as options: MeasurementOptions = MeasurementOptions(),
    checking period: Int = 7, _ sent: [SentFlow] = [],
    _ received: [UInt16: ReceivedFlow] = [:], hasFailed: Bool = false,
    isChecked: Bool = true,
    prepare: (ListenerPairing) throws(Failure) -> Void = { pairing throws(Failure) in
      try pairing.ready()
    }
  ) throws -> (receiver: Result<PeerReport, Failure>, sender: Result<PeerReport, Failure>) {
    let loopback = try Loopback()
    let address = loopback.address
    let sender = try BackgroundWork { () throws(Failure) in
      let channel = ControlChannel(
        over: try Loopback.connect(to: address), timeout: .seconds(10), Wait())
      let pairing = try CallerPairing(over: channel, on: agreement)
      return try pairing.exchange(sent, in: .seconds(2))
    }
    let receiver: Result<PeerReport, Failure>
    do throws(Failure) {
      let channel = ControlChannel(over: try loopback.accept(), timeout: .seconds(10), Wait())
      let pairing = try pair(
        over: channel, as: options, checking: Pattern(period: period))
      try prepare(pairing)
      receiver = .success(
        try pairing.exchange(
          received, in: .seconds(3), isChecked: isChecked, hasFailed: hasFailed))
    } catch {
      receiver = .failure(error)
    }
    return (receiver, sender.result())
  }

  @Test("both ends hear what the other one did")
  func agrees() throws {
    let flows = [
      sent(0, port: 40000, bytes: 60, omitted: 8, retransmits: 3, roundTrip: .microseconds(412)),
      sent(1, port: 39999, bytes: 7),
    ]
    let (receiver, sender) = try converse(
      on: agreement, flows,
      [
        40000: .init(
          received(device: 10, linear: 20, plain: 30, fragments: 4, wrong: 5), omittedBytes: 9,
          outOfOrderPackets: 2),
        39999: .init(received(device: 7, fragments: 1)),
      ])
    let ofSender = try receiver.get()
    #expect(
      ofSender.flows == [
        PeerReport.Flow(sent: [40000, 60, 8, 3, 412, 0, 0, 0]),
        PeerReport.Flow(sent: [39999, 7, 0, 0, 0, 0, 0, 0]),
      ])
    #expect(ofSender.duration == .seconds(2))
    #expect(!ofSender.hasFailed)
    #expect(ofSender.bytes == 67)
    #expect(ofSender.measuredBytes == 59)
    let ofReceiver = try sender.get()
    #expect(
      ofReceiver.flows == [
        PeerReport.Flow(received: [39999, 7, 0, 0, 1, 0, 1, 0, 0, 0]),
        PeerReport.Flow(received: [40000, 10, 20, 30, 4, 9, 1, 0, 5, 2]),
      ])
    #expect(ofReceiver.duration == .seconds(3))
    #expect(ofReceiver.failure(for: flows) == nil)
  }

  @Test("where nobody looked no byte is reported right or wrong")
  func leavesUnchecked() throws {
    let (_, sender) = try converse(
      on: Agreement(flows: 1, patternPeriod: 7, bytesPerFlow: 10),
      [sent(0, port: 40000, bytes: 10)], [40000: .init(received(device: 10))], isChecked: false)
    let flow = try sender.get().flows[0]
    #expect(flow.bytes == 10)
    #expect(flow.checkedBytes == nil)
    #expect(flow.wrongBytes == nil)
  }

  @Test(
    "a receiver refuses what its options do not allow, and both ends say why",
    arguments: Refusal.table)
  fileprivate func refuses(row: Refusal) throws {
    let (receiver, sender) = try converse(
      on: row.agreement, as: row.options, checking: row.period)
    let own = failing { () throws(Failure) in try receiver.get() }
    #expect(own?.operation == "agree with the sender")
    #expect(own?.reason == row.receiver)
    let heard = failing { () throws(Failure) in try sender.get() }
    #expect(heard?.operation == "agree with the receiver")
    #expect(heard?.reason == row.sender)
  }

  @Test("a receiver whose set-up fails refuses, and the sender hears of it")
  func refusesAfterSetUp() throws {
    let (receiver, sender) = try converse(on: agreement) { pairing throws(Failure) in
      pairing.refuse()
      throw Failure("bind")
    }
    #expect(failing { () throws(Failure) in try receiver.get() }?.operation == "bind")
    let heard = failing { () throws(Failure) in try sender.get() }
    #expect(heard?.reason == "the receiver could not get ready")
  }

  @Test(
    "where the ends do not agree both find it",
    arguments: [
      Difference(
        testDescription: "other bytes", received: [40000: 100, 40001: 99],
        receiver: "it sent 100 bytes from port 40001, and 99 came",
        sender: "it got 99 of the 100 bytes of flow 1"),
      Difference(
        testDescription: "another port", received: [40000: 100, 50001: 100],
        receiver: "it reports a flow from port 40001",
        sender: "it got 0 of the 100 bytes of flow 1"),
      Difference(
        testDescription: "a flow twice",
        sent: [
          .init(index: 0, port: 40000, bytes: 100), .init(index: 1, port: 40000, bytes: 100),
        ], receiver: "it reports a flow twice", sender: "the receiver found something wrong"),
      Difference(
        testDescription: "the receiver failed", hasFailed: true, receiver: nil,
        sender: "the receiver found something wrong"),
    ])
  fileprivate func differs(row: Difference) throws {
    let flows = row.sent.map { sent($0.index, port: $0.port, bytes: $0.bytes) }
    let (receiver, sender) = try converse(
      on: agreement, flows, row.received.mapValues { .init(received(device: $0)) },
      hasFailed: row.hasFailed)
    #expect(failing { () throws(Failure) in try receiver.get() }?.reason == row.receiver)
    let heard = try sender.get()
    #expect(heard.hasFailed)
    #expect(heard.failure(for: flows)?.reason == row.sender)
  }

  @Test("a sender reports what its flows came to; a received flow is none of them")
  func takesFigures() {
    let information = ConnectionInformation(retransmits: 3, roundTrip: .microseconds(5))
    let figures = received(device: 1, plain: 2)
    #expect(
      SentFlow(
        MeasurementReport.Flow(4, figures, information, .sent(port: 40000, SendStatistics())))
        == SentFlow(index: 4, port: 40000, bytes: 3, information: information))
    #expect(
      SentFlow(
        MeasurementReport.Flow(
          4, figures, information, .received(from: nil, port: nil, queue: nil, cpu: nil))) == nil)
  }

  @Test(
    "a receiver's report is held against each flow that was sent",
    arguments: [
      ([(40000, 10)], 0, nil),
      ([(40000, 10)], 1, "the receiver found something wrong"),
      ([(40000, 9)], 0, "it got 9 of the 10 bytes of flow 0"),
      ([(40000, 9)], 1, "it got 9 of the 10 bytes of flow 0"),
      ([(40001, 10)], 0, "it got 0 of the 10 bytes of flow 0"),
      ([], 0, "it got 0 of the 10 bytes of flow 0"),
      ([(40000, 10), (40000, 10)], 0, "it reports flow 0 twice"),
    ] as [([(port: Int, bytes: Int)], Int, String?)])
  func judges(flows: [(port: Int, bytes: Int)], failed: Int, reason: String?) throws {
    var report = PeerReport(flows.map { PeerReport.Flow(port: $0.port, bytes: $0.bytes) })
    report.end(with: [failed, 1, 0])
    let failure = report.failure(for: [sent(0, port: 40000, bytes: 10)])
    #expect(failure?.reason == reason)
  }

  @Test(
    "a sender's report is held against what came from each port",
    arguments: [
      ([(40000, 10), (40001, 20)], nil),
      ([(40000, 10)], nil),
      ([(40000, 11), (40001, 20)], "it sent 11 bytes from port 40000, and 10 came"),
      ([(40000, 10), (40002, 20)], "it reports a flow from port 40002"),
      ([(40000, 10), (40000, 10)], "it reports a flow twice"),
      // Not a port, although its lowest bits are.
      ([(40000 + 65536, 10)], "it reports a flow from port 105536"),
    ] as [([(port: Int, bytes: Int)], String?)])
  func compares(flows: [(port: Int, bytes: Int)], difference: String?) {
    let report = PeerReport(flows.map { PeerReport.Flow(port: $0.port, bytes: $0.bytes) })
    let figures = [
      UInt16(40000): ReceivedFlow(received(device: 5, linear: 3, plain: 2)),
      40001: ReceivedFlow(received(device: 20)),
    ]
    #expect(report.difference(from: figures) == difference)
  }
}
