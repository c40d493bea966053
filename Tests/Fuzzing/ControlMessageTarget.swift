// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Sockets

/// The control messages of a `recvmsg`, read by the tool and a second time here, byte by byte.
@Sendable func readControlMessages(_ input: [UInt8]) throws(Finding) {
  var messages = ControlMessages(unsafe input.span.bytes)
  var expected = expectedMessages(in: input)[...]
  while let message = nextMessage(of: &messages) {
    guard let due = expected.popFirst() else {
      throw Finding(description: "one message too many: \(message)")
    }
    try require(message == due, "read \(message), not \(due)")
  }
  try require(expected.isEmpty, "\(expected.count) messages are missing")
  try require(messages.isEmpty, "something is left")
}

/// The next message, the short way where there is one, as the receive loop reads it.
private func nextMessage(of messages: inout ControlMessages) -> ControlMessage? {
  if let fragment = messages.nextFragment() { return .fragment(fragment) }
  return messages.next()
}

/// What a buffer says by `cmsg(3)` and `include/uapi/linux/uio.h`.
func expectedMessages(in bytes: [UInt8]) -> [ControlMessage] {
  func number<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type = Value.self) -> Value {
    (0..<Value.bitWidth / 8).reduce(0) { value, place in
      value | Value(truncatingIfNeeded: bytes[offset + place]) << Value(place * 8)
    }
  }
  var messages: [ControlMessage] = []
  var start = 0
  while start < bytes.count {
    guard start + 16 <= bytes.count, case let length = number(start, UInt64.self),
      (16...UInt64(bytes.count - start)).contains(length)
    else { return messages + [.malformed] }
    let type = number(start + 12, CInt.self)
    if number(start + 8, CInt.self) != SOL_SOCKET || ![78, 79].contains(type) {
      messages.append(.other)
    } else if length < 40 {
      return messages + [.malformed]
    } else if type == 78 {
      messages.append(.linear(number(start + 24)))
    } else {
      messages.append(
        .fragment(
          Fragment(
            offset: number(start + 16), size: number(start + 24), token: number(start + 28),
            binding: number(start + 32))))
    }
    start += (Int(length) + 7) & ~7
  }
  return messages
}
