// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Measurement
import Payload
import Sockets
import TestSupport
import Transfer

/// What an end says first.
let hello = PeerMessage(.hello, PeerMessage.version).line

/// The end of an offer without a warm-up, of flows that the caller sends.
let forward = "omit=0 direction=0 host=0 rate=0 chunk=0 request=0 response=0"

/// What was sent of a flow.
func sent(
  _ index: Int, port: UInt16, bytes: Int, omitted: Int = 0, retransmits: Int = 0,
  roundTrip: Duration = .zero
) -> SentFlow {
  SentFlow(
    index: index, port: port, bytes: bytes, omittedBytes: omitted,
    information: ConnectionInformation(retransmits: retransmits, roundTrip: roundTrip))
}

/// Agrees with a sender, as a receiver does with a caller on its control port.
func pair(
  over channel: ControlChannel, as options: MeasurementOptions, checking pattern: Pattern?
) throws(Failure) -> ListenerPairing {
  let caller = try ControlCaller(on: channel, until: .now)
  while true {
    if let agreement = try caller.hear() {
      return try ListenerPairing(over: channel, on: agreement, as: options, checking: pattern)
    }
    guard try Wait().limited(to: .seconds(10)).for(channel.descriptor, to: "hear") else {
      throw Failure("hear", errno: .timedOut)
    }
  }
}

/// What was received of a flow.
func received(
  device: Int = 0, linear: Int = 0, plain: Int = 0, fragments: Int = 0, wrong: Int = 0
) -> FlowFigures {
  var figures = FlowFigures()
  figures.deviceBytes = device
  figures.linearBytes = linear
  figures.plainBytes = plain
  figures.fragments = fragments
  figures.wrongBytes = wrong
  return figures
}

/// What a device would write into; nothing does: over loopback all payload is plain.
func memory() throws -> SharedMemory {
  let directory = try Directory()
  try directory.write(String(repeating: "\0", count: 4096), to: "memory")
  let file = try OwnedDescriptor(opening: directory.path + "/memory", .readingAndWriting)
  return SharedMemory(try DeviceBuffer(mapping: file, named: "a file"))
}
