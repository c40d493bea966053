// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Netlink
import TestSupport
import Testing

private let family = Family(name: "test", id: 30)

struct GenericNetlinkTests {
  @Test("a request is laid out as the kernel's headers say")
  func layout() throws {
    let kernel = ScriptedNetlink { _ in [.acknowledged] }
    var netlink = GenericNetlink(over: kernel)
    var request = Request(Family(name: "test", id: 30, version: 3), command: 7)
    request.put(1, UInt32(5))
    request.nest(2) {
      $0.put(3, UInt8(9))
      $0.put(4, "ab")
    }
    try netlink.execute(request, "try")
    let sent = try #require(kernel.requests.first)
    #expect(sent.family == 30)
    #expect(sent.command == 7)
    #expect(sent.flags == UInt16(NLM_F_REQUEST | NLM_F_ACK))
    #expect(sent.attributes.elements.map(\.type) == [1, 2])
    let bytes: (UInt16) -> [UInt8]? = { sent.attributes.bytes($0).map { Array($0) } }
    #expect(bytes(1) == NetlinkBytes.bytes(UInt32(5)))
    let nested = NetlinkBytes.attribute(3, UInt8(9)) + NetlinkBytes.attribute(4, "ab")
    #expect(bytes(2) == nested)
  }

  @Test("a request that has no room for an attribute is not sent")
  func overfull() throws {
    let kernel = ScriptedNetlink { _ in [.acknowledged] }
    var netlink = GenericNetlink(over: kernel)
    var request = Request(family, command: 1)
    request.nest(1) { $0.put(2, [UInt8](repeating: 0, count: 1 << 15)) }
    let failure = failing { () throws(Failure) in try netlink.execute(request, "try") }
    #expect(failure?.errno?.rawValue == EMSGSIZE)
    #expect(kernel.requests.isEmpty)
  }

  @Test("a refusal carries the kernel's text and the attribute it is about")
  func extendedAcknowledgement() {
    var request = Request(family, command: 1)
    request.put(5, UInt8(1))
    let text = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_MSG.rawValue), "invalid length")
    let offset = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_OFFS.rawValue), UInt32(20))
    let missing = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_MISS_TYPE.rawValue), UInt32(3))
    for (details, reason) in [
      (text, "invalid length"),
      (text + offset, "invalid length (attribute 5 at byte 20)"),
      (missing, "attribute 3 is missing"),
      ([], nil),
    ] {
      var netlink = GenericNetlink(
        over: ScriptedNetlink { _ in [.refused(EINVAL, details)] })
      let failure = failing { () throws(Failure) in try netlink.execute(request, "try", on: "it") }
      #expect(failure?.errno == .invalidArgument)
      #expect(failure?.reason == reason)
      #expect(failure?.operation == "try")
      #expect(failure?.subject == "it")
    }
  }

  @Test("the kernel's words and the attribute that they are about are kept apart")
  func refusal() throws {
    var request = Request(family, command: 1)
    request.put(5 | UInt16(NLA_F_NESTED), UInt8(1))
    let text = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_MSG.rawValue), "invalid length")
    let offset = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_OFFS.rawValue), UInt32(20))
    let missing = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_MISS_TYPE.rawValue), UInt32(3))
    for (details, words, attribute, line) in [
      (
        text + offset, "invalid length", .wrong(5, atByte: 20),
        "invalid length (attribute 5 at byte 20)"
      ),
      (offset, nil, .wrong(5, atByte: 20), "attribute 5 at byte 20"),
      (missing, nil, .missing(3), "attribute 3 is missing"),
      ([], nil, nil, "EINVAL (Invalid argument)"),
    ] as [([UInt8], String?, Refusal.Attribute?, String)] {
      var netlink = GenericNetlink(over: ScriptedNetlink { _ in [.refused(EINVAL, details)] })
      let refusal = try netlink.refusal(of: request, "try")
      #expect(
        refusal == Refusal(errno: .invalidArgument, words: words, attribute: attribute))
      #expect(refusal?.line == line)
    }
    var netlink = GenericNetlink(over: ScriptedNetlink { _ in [.acknowledged] })
    #expect(try netlink.refusal(of: request, "try") == nil)
  }

  @Test("a dump that ends with an error carries the kernel's text")
  func dumpRefused() {
    let text = NetlinkBytes.attribute(Int(NLMSGERR_ATTR_MSG.rawValue), "no such queue")
    var netlink = GenericNetlink(
      over: ScriptedNetlink { _ in [.message([]), .done(EINVAL, text)] })
    let failure = failing { () throws(Failure) in
      try netlink.dump(Request(family, command: 1), "list") { _ throws(Errno) in 0 }
    }
    #expect(failure?.errno == .invalidArgument)
    #expect(failure?.reason == "no such queue")
  }

  @Test("a refusal with EPERM names the privilege that it takes")
  func privilege() {
    var netlink = GenericNetlink(over: ScriptedNetlink { _ in [.refused(EPERM)] })
    let failure = failing { () throws(Failure) in
      try netlink.execute(Request(family, command: 1), "try", hint: "other")
    }
    #expect(failure?.hint?.contains("CAP_NET_ADMIN in the user namespace") == true)
  }

  @Test("a dump returns every message, in order, until it is done")
  func dump() throws {
    let kernel = ScriptedNetlink { _ in
      (1...3).map { .message(NetlinkBytes.attribute(1, UInt32($0)), flags: 2) } + [.done()]
    }
    var netlink = GenericNetlink(over: kernel)
    let values = try netlink.dump(Request(family, command: 1), "list") {
      item throws(Errno) -> UInt32 in try item.required(1)
    }
    #expect(values == [1, 2, 3])
    #expect(kernel.requests[0].flags == UInt16(NLM_F_REQUEST | NLM_F_DUMP))
  }

  @Test("an interrupted dump is read again, and fails after some attempts")
  func interruptedDump() throws {
    for interruptions in [2, 100] {
      var left = interruptions
      let kernel = ScriptedNetlink { _ in
        left -= 1
        return [.message([], flags: left >= 0 ? Int(NLM_F_DUMP_INTR) : 0), .done()]
      }
      var netlink = GenericNetlink(over: kernel)
      let failure = failing { () throws(Failure) in
        let all = try netlink.dump(Request(family, command: 1), "list") { _ throws(Errno) in 0 }
        #expect(all == [0])
      }
      #expect(failure?.errno == (interruptions == 2 ? nil : .tryAgain))
      #expect(kernel.requests.count == (interruptions == 2 ? 3 : 8))
    }
  }

  @Test(
    "an answer to an earlier request or to another socket is passed over",
    arguments: [(99, NetlinkBytes.port), (1, NetlinkBytes.port + 1), (1, 0)]
      as [(UInt32, UInt32)])
  func foreignAnswer(sequence: UInt32, port: UInt32) throws {
    func message(_ type: Int, _ payload: [UInt8]) -> ScriptedNetlink.Answer {
      .raw(
        NetlinkBytes.message(type: type, flags: 0, sequence: sequence, port: port, payload))
    }
    let foreign = message(30, [1, 1, 0, 0] + NetlinkBytes.attribute(1, UInt8(1)))
    let refusal = message(2, NetlinkBytes.bytes(-EPERM) + [UInt8](repeating: 0, count: 16))
    var netlink = GenericNetlink(
      over: ScriptedNetlink { _ in
        [foreign, refusal, .message(NetlinkBytes.attribute(1, UInt8(2))), foreign, .acknowledged]
      })
    let value = try netlink.get(Request(family, command: 1), "read") {
      answer throws(Errno) -> UInt8 in try answer.required(1)
    }
    #expect(value == 2)
  }

  @Test("silence ends in ETIMEDOUT, no answer or two in EBADMSG")
  func wrongNumberOfAnswers() {
    for (answers, errno): ([ScriptedNetlink.Answer], CInt) in [
      ([], ETIMEDOUT), ([.message([])], ETIMEDOUT), ([.acknowledged], EBADMSG),
      ([.message([]), .message([]), .acknowledged], EBADMSG),
    ] {
      var netlink = GenericNetlink(over: ScriptedNetlink { _ in answers })
      let failure = failing { () throws(Failure) in
        try netlink.get(Request(family, command: 1), "read") { _ throws(Errno) in 0 }
      }
      #expect(failure?.errno?.rawValue == errno)
    }
  }

  @Test(
    "a malformed answer is reported as EBADMSG",
    arguments: [
      // Cut off in the header; shorter than a header; longer than the datagram.
      [1, 0, 0, 0], NetlinkBytes.message(type: 30, flags: 0, sequence: 1, [])[4...] + [0, 0, 0, 0],
      [200, 0, 0, 0] + NetlinkBytes.message(type: 30, flags: 0, sequence: 1, [])[4...],
      // No genlmsghdr; an attribute longer than the message, and one shorter than its header.
      NetlinkBytes.message(type: 30, flags: 0, sequence: 1, [1, 1]),
      NetlinkBytes.message(type: 30, flags: 0, sequence: 1, [1, 1, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0]),
      NetlinkBytes.message(type: 30, flags: 0, sequence: 1, [1, 1, 0, 0, 3, 0, 1, 0]),
      // An error without a number; one that is none; one whose details point behind the request.
      NetlinkBytes.message(type: 2, flags: 0, sequence: 1, [0]),
      NetlinkBytes.message(type: 2, flags: 0, sequence: 1, NetlinkBytes.bytes(CInt.min)),
      NetlinkBytes.message(
        type: 2, flags: 0x300, sequence: 1,
        NetlinkBytes.bytes(-EINVAL) + [UInt8](repeating: 0, count: 16)
          + NetlinkBytes.attribute(Int(NLMSGERR_ATTR_OFFS.rawValue), UInt32.max)),
    ] as [[UInt8]])
  func malformed(datagram: [UInt8]) {
    var netlink = GenericNetlink(
      over: ScriptedNetlink { _ in [.raw(datagram), .acknowledged] })
    let failure = failing { () throws(Failure) in
      try netlink.execute(Request(family, command: 1), "try")
    }
    #expect(failure?.errno == .badMessage)
  }
}
