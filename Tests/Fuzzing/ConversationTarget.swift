// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Measurement
import Payload
import Sockets

/// A whole conversation on the control connection, with a peer that says anything, and leaves. The
/// first byte chooses the end that it speaks to.
@Sendable func converse(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  let role = input.byte()
  let words = input.all()
  guard let pair = SocketPair() else { throw Finding(description: "no socket pair") }
  let peer = pair.peer
  // What does not fit into the socket is cut off.
  _ = unsafe words.withUnsafeBytes {
    unsafe send(peer.rawValue, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
  }
  shutdown(peer.rawValue, CInt(SHUT_WR))
  let channel = ControlChannel(over: Connection(owning: pair.own), timeout: .seconds(5), Wait())
  do throws(Failure) {
    switch role & 3 {
    case 0: try listen(on: channel, checking: role & 4 == 0 ? nil : Pattern(period: 7))
    case 1: try call(on: channel, Agreement(flows: 1, patternPeriod: 7, bytesPerFlow: 10))
    case 2:
      var agreement = Agreement(flows: 3, patternPeriod: 7, duration: .seconds(1))
      agreement.exchange = Exchange(request: 64, response: 64)
      try call(on: channel, agreement)
    default: try call(on: channel, Agreement(flows: 2, duration: .seconds(2), isMutual: true))
    }
  } catch {
    // The peer has left: nothing is waited for.
    try require(error.errno != .timedOut, "\(error)")
  }
}

/// The end that listens: it hears an offer, and both report.
private func listen(
  on channel: ControlChannel, checking pattern: Pattern?
) throws(Failure) {
  let caller = try ControlCaller(on: channel, until: .now)
  var agreement = try caller.hear()
  while agreement == nil { agreement = try caller.hear() }
  let pairing = try ListenerPairing(
    over: channel, on: agreement!, as: MeasurementOptions(), checking: pattern)
  try pairing.ready()
  pairing.refuse()
  if pairing.agreement.reverse != nil {
    try pairing.waitForCaller()
    _ = try pairing.exchange(flows(pairing.agreement), in: .seconds(1))
  } else {
    var figures = FlowFigures()
    figures.plainBytes = 10
    _ = try pairing.exchange(
      [40000: ReceivedFlow(figures)], in: .seconds(1), isChecked: false, hasFailed: false)
  }
}

/// The end that calls: it makes an offer, and both report.
private func call(on channel: ControlChannel, _ agreement: Agreement) throws(Failure) {
  let pairing = try CallerPairing(over: channel, on: agreement)
  let report = try pairing.exchange(flows(agreement), in: .seconds(1))
  _ = report.failure(for: flows(agreement))
}

/// What an end reports of its flows.
private func flows(_ agreement: Agreement) -> [SentFlow] {
  (0..<agreement.flows).map {
    SentFlow(
      index: $0, port: UInt16(40000 + $0), bytes: 10, omittedBytes: 0,
      information: ConnectionInformation())
  }
}

/// Both ends of a connection within this process.
private struct SocketPair: ~Copyable {
  let own: OwnedDescriptor
  let peer: OwnedDescriptor

  init?() {
    var ends: [2 of CInt] = [-1, -1]
    var span = ends.mutableSpan
    let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let result = unsafe span.withUnsafeMutableBufferPointer {
      unsafe socketpair(AF_UNIX, type, 0, $0.baseAddress)
    }
    guard result == 0 else { return nil }
    own = OwnedDescriptor(owning: span[0])
    peer = OwnedDescriptor(owning: span[1])
  }
}
