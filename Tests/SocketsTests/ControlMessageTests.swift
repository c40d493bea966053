// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Sockets
import TestSupport
import Testing

struct ControlMessageTests {
  @Test("messages are read in the order of the stream")
  func readsInOrder() {
    var bytes = ControlMessageBytes()
    bytes.addLinear(size: 12)
    bytes.addOther()
    bytes.addFragment(offset: 1 << 33, size: 1448, token: 9, binding: 3)
    bytes.addLongFragment(offset: 4096, size: 1, token: 10, binding: 3)
    #expect(
      read(bytes.bytes) == [
        .linear(12), .other,
        .fragment(Fragment(offset: 1 << 33, size: 1448, token: 9, binding: 3)),
        .fragment(Fragment(offset: 4096, size: 1, token: 10, binding: 3)),
      ])
  }

  @Test("the short way reads the kernel's fragments, and leaves all else where it is")
  func readsFragments() {
    var bytes = ControlMessageBytes()
    bytes.addFragment(offset: 8192, size: 1448, token: 9)
    bytes.addFragment(offset: 4096, size: 100, token: 8)
    let fragments = bytes.bytes
    bytes.addLongFragment(offset: 0, size: 1, token: 7)
    let all = bytes.bytes
    var messages = unsafe ControlMessages(all.span.bytes)
    var offsets: [UInt64] = []
    var tokens: [UInt32] = []
    while true {
      offsets.append(messages.nextOffset)
      guard let fragment = messages.nextFragment() else { break }
      tokens.append(fragment.token)
    }
    #expect(tokens == [9, 8])
    #expect(offsets == [8192, 4096, 0])
    #expect(messages.next() == .fragment(Fragment(offset: 0, size: 1, token: 7, binding: 7)))
    #expect(messages.nextFragment() == nil)
    #expect(messages.nextOffset == .max)

    for place in [0, 8, 12] {
      var changed = fragments
      changed[place] ^= 1
      var messages = unsafe ControlMessages(changed.span.bytes)
      #expect(messages.nextFragment() == nil)
    }
    let cut = Array(fragments.prefix(39))
    var rest = unsafe ControlMessages(cut.span.bytes)
    #expect(rest.nextFragment() == nil)
  }

  @Test("no bytes hold no message")
  func readsNothing() { #expect(read([]) == []) }

  @Test("a message cut anywhere is malformed, and the last", arguments: 1..<40)
  func stopsAtTruncation(length: Int) {
    var bytes = ControlMessageBytes()
    bytes.addFragment(offset: 0, size: 1, token: 1)
    #expect(read(Array(bytes.bytes.prefix(length))) == [.malformed])
  }

  @Test(
    "a length that is too small or beyond the buffer is malformed, whatever the message is about",
    arguments: [0, 15, 41, -1])
  func refusesLengths(length: Int) {
    var fragment = ControlMessageBytes()
    fragment.addFragment(offset: 0, size: 1, token: 1)
    var other = ControlMessageBytes()
    other.addOther()
    for bytes in [fragment, other] {
      var raw = bytes.bytes
      unsafe withUnsafeBytes(of: length) { unsafe raw.replaceSubrange(0..<8, with: $0) }
      #expect(read(raw) == [.malformed])
    }
  }

  @Test("a message of another level is not about devmem, whatever its type")
  func comparesLevel() {
    var bytes = ControlMessageBytes()
    bytes.addFragment(offset: 0, size: 1, token: 1)
    bytes.addLinear(size: 12)
    var raw = bytes.bytes
    unsafe withUnsafeBytes(of: CInt(IPPROTO_IPV6)) { unsafe raw.replaceSubrange(8..<12, with: $0) }
    #expect(read(raw) == [.other, .linear(12)])
  }

  @Test("a message may have no data, at the end as well")
  func readsHeaders() {
    var bytes = ControlMessageBytes()
    bytes.addOther()
    var header = Array(bytes.bytes.prefix(16))
    header[0] = 16
    #expect(read(header + header) == [.other, .other])
  }

  @Test("a devmem message with too little data is malformed")
  func refusesShortData() {
    var bytes = ControlMessageBytes()
    bytes.addFragment(offset: 0, size: 1, token: 1)
    var raw = bytes.bytes
    raw[0] = 39
    #expect(read(raw) == [.malformed])
  }

  private func read(_ bytes: [UInt8]) -> [ControlMessage] {
    var found: [ControlMessage] = []
    var messages = unsafe ControlMessages(bytes.span.bytes)
    while let message = messages.next() { found.append(message) }
    return found
  }
}
