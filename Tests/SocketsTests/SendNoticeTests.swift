// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Sockets
import Testing

/// A notice as the kernel puts it on the error queue (`net/core/skbuff.c`,
/// `__msg_zerocopy_callback`), and what it says.
private struct Row: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var level = CInt(IPPROTO_IP)
  var type = IP_RECVERR
  var errno: UInt32 = 0
  var origin = UInt8(SO_EE_ORIGIN_ZEROCOPY)
  var code: UInt8 = 0
  var first: UInt32 = 3
  var last: UInt32 = 5
  var length = Int.max
  let notice: SendNotice

  /// The control message: a `struct cmsghdr` and a `struct sock_extended_err`.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    func append<Value: BitwiseCopyable>(_ value: Value) {
      unsafe withUnsafeBytes(of: value) { unsafe bytes += $0 }
    }
    append(32)
    append(level)
    append(type)
    append(errno)
    bytes += [origin, 0, code, 0]
    append(first)
    append(last)
    return Array(bytes.prefix(length))
  }
}

struct SendNoticeTests {
  @Test(
    "only a notice of complete sends is one",
    arguments: [
      Row(
        testDescription: "of IPv4", notice: .complete(first: 3, last: 5, copied: false)),
      Row(
        testDescription: "of IPv6", level: CInt(IPPROTO_IPV6), type: IPV6_RECVERR,
        notice: .complete(first: 3, last: 5, copied: false)),
      Row(
        testDescription: "of copied payload", code: UInt8(SO_EE_CODE_ZEROCOPY_COPIED),
        notice: .complete(first: 3, last: 5, copied: true)),
      Row(
        testDescription: "whose numbers wrapped", first: .max, last: 0,
        notice: .complete(first: .max, last: 0, copied: false)),
      Row(testDescription: "of an error", errno: UInt32(ECONNREFUSED), notice: .other),
      Row(testDescription: "of a router", origin: UInt8(SO_EE_ORIGIN_ICMP), notice: .other),
      Row(testDescription: "of another level", level: SOL_SOCKET, notice: .other),
      Row(testDescription: "of another type", type: IP_RECVTTL, notice: .other),
      Row(testDescription: "of IPv4 with IPv6's type", type: IPV6_RECVERR, notice: .other),
      Row(testDescription: "that was cut", length: 31, notice: .other),
      Row(testDescription: "that is empty", length: 0, notice: .other),
    ])
  fileprivate func reads(row: Row) {
    let notice = unsafe SendNotice(row.bytes.span.bytes)
    #expect(notice == row.notice)
  }
}
