// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Measurement
import NIC
import Payload
import TestSupport
import Testing

struct FlowFiguresTests {
  private func figures(_ base: Int) -> FlowFigures {
    var figures = FlowFigures()
    figures.deviceBytes = base
    figures.linearBytes = base + 1
    figures.plainBytes = base + 2
    figures.fragments = base + 3
    figures.calls = base + 4
    figures.returnCalls = base + 5
    figures.tokensReturned = base + 1
    figures.wrongBytes = base + 7
    return figures
  }

  @Test("the intervals of a flow add up to the whole")
  func addsUp() {
    let readings = [FlowFigures(), figures(10), figures(25), figures(25), figures(1000)]
    let intervals = zip(readings.dropFirst(), readings).map { $0 - $1 }
    #expect(intervals.reduce(FlowFigures(), +) == figures(1000))
    #expect(intervals[1].bytes == 45)
    #expect(intervals[2] == FlowFigures())
  }

  @Test("what is outstanding is what was not returned, and never less than nothing")
  func countsOutstanding() {
    #expect(figures(10).tokensOutstanding == 2)
    var ahead = FlowFigures()
    ahead.tokensReturned = 1
    #expect(ahead.tokensOutstanding == 0)
  }
}

struct AgreementTests {
  @Test("an offer is read as it was made")
  func roundTrips() {
    var request = Load()
    (request.bytesPerFlow, request.bitsPerSecond) = (4096, 1_000_000)
    (request.usesHostMemory, request.pattern) = (true, Pattern(period: 9)!)
    let asking = Agreement(
      request, MeasurementOptions(flows: 2),
      reversed: Agreement.Reverse(request, chunkSize: 512))
    var exchanging = MeasurementOptions(flows: 2)
    exchanging.duration = .seconds(3)
    exchanging.exchange = Exchange(request: 1, response: 1 << 20)
    for agreement in [
      Agreement(flows: 4, patternPeriod: 7, duration: .seconds(10)), Agreement(Load(), exchanging),
      Agreement(
        Load(), exchanging, reversed: Agreement.Reverse(Load(), chunkSize: nil)),
      Agreement(
        flows: 4, patternPeriod: 7, duration: .seconds(10),
        reversed: Agreement.Reverse(Load(), chunkSize: nil)),
      Agreement(
        flows: 4, patternPeriod: 7, duration: .seconds(10),
        reversed: Agreement.Reverse(Load(), chunkSize: nil), isMutual: true),
      asking,
      Agreement(
        flows: 1024, patternPeriod: 256, bytesPerFlow: 1 << 51, omitting: .seconds(86400)),
    ] {
      #expect(Agreement(offer: agreement.offer.values) == agreement)
    }
    #expect(asking.load == request)
  }

  @Test(
    "an offer of neither duration nor length, or of both, is none",
    arguments: [
      [1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 7, 1, 1, 0, 0, 0, 0, 0, 0, 0],
      // What to send, where the caller does.
      [1, 7, 1, 0, 0, 0, 1, 0, 0, 0, 0], [1, 7, 1, 0, 0, 0, 0, 1, 0, 0, 0],
      [1, 7, 1, 0, 0, 0, 0, 0, 1, 0, 0],
      // Exchanges without one of the messages, of a length, or in both directions.
      [1, 7, 1, 0, 0, 0, 0, 0, 0, 64, 0], [1, 7, 1, 0, 0, 0, 0, 0, 0, 0, 64],
      [1, 7, 0, 9, 0, 0, 0, 0, 0, 64, 64], [1, 7, 1, 0, 0, 2, 0, 0, 0, 64, 64],
    ])
  func refuses(values: [Int]) { #expect(Agreement(offer: values) == nil) }

  @Test("a receiver agrees to all that its own options leave open, and to nothing else")
  func agrees() {
    let agreement = Agreement(flows: 4, patternPeriod: 7, duration: .seconds(10))
    func refusal(
      checking period: Int? = nil, _ change: (inout MeasurementOptions) -> Void = { _ in }
    ) -> PeerMessage.Refusal? {
      var options = MeasurementOptions()
      change(&options)
      return agreement.refusal(
        by: options, checking: period.flatMap { Pattern(period: $0) })
    }
    #expect(refusal() == nil)
    #expect(refusal(checking: 7) { ($0.flows, $0.duration) = (4, .seconds(10)) } == nil)
    #expect(refusal { $0.flows = 3 } == .flows)
    #expect(refusal { $0.threads = 5 } == .flows)
    #expect(refusal(checking: 8) == .pattern)
    #expect(refusal { $0.duration = .seconds(11) } == .duration)
  }
}

struct FlowSteeringTests {
  private let nic = ScriptedNIC()
  private let destination = FlowTuple.End(IPAddress("192.0.2.1")!, port: 5201)

  /// Steers four flows to queues, and returns what the NIC then has.
  private func steer(over queues: Range<UInt32>) throws -> (FlowSteering.Method, [String]) {
    var transaction = Transaction(on: try nic.interface())
    var steering = FlowSteering(FlowTuple(to: destination), over: queues)
    #expect(try steering.install(in: &transaction) == nil)
    for index in 0..<4 {
      let source = FlowTuple.End(IPAddress("192.0.2.2")!, port: UInt16(40000 + index))
      let flow = FlowTuple(to: destination, from: source)
      let refusal = try steering.add(flow, as: index, in: &transaction)
      #expect(refusal == nil)
    }
    let rules = try transaction.interface.flowRules().map {
      $0.description.split(separator: " ").suffix(2).joined(separator: " ")
    }
    let failures = transaction.undo()
    #expect(failures.isEmpty && nic.rules.isEmpty)
    return (steering.method, rules)
  }

  @Test("one queue, and an RSS context, take one rule for all flows")
  func needsOneRule() throws {
    let one = try steer(over: 3..<4)
    #expect(one.0 == .queue)
    #expect(one.1 == ["queue 3"])
    let many = try steer(over: 2..<4)
    #expect(many.0 == .context)
    #expect(many.1.count == 1)
  }

  @Test("a driver without contexts gets a rule for each flow, to the queues in turn")
  func needsRules() throws {
    nic.refusals = [("context", 95)]
    let (method, rules) = try steer(over: 2..<4)
    #expect(method == .rules)
    #expect(rules.sorted() == ["queue 2", "queue 2", "queue 2", "queue 3", "queue 3"])
  }

  @Test("flows that this end connects take one rule by their source, or one each")
  func steersConnected() throws {
    let source = FlowTuple.End(IPAddress("192.0.2.2")!, port: 5201)
    let own = FlowTuple.End(destination.address, port: nil)
    for refuses in [false, true] {
      if refuses { nic.refusals = [("rule", 22)] }
      var transaction = Transaction(on: try nic.interface())
      var steering = FlowSteering(FlowTuple(to: own, from: source), over: 3..<4)
      #expect(try steering.install(in: &transaction) == nil)
      #expect(steering.method == (refuses ? .rules : .queue))
      nic.refusals = []
      var flow = steering.flow
      flow.destination.port = 40000
      #expect(try steering.add(flow, as: 0, in: &transaction) == nil)
      let rules = try transaction.interface.flowRules()
      #expect(rules == [FlowRule(refuses ? flow : steering.flow, to: .queue(3), location: 0)])
      #expect(transaction.undo().isEmpty)
    }
  }
}
