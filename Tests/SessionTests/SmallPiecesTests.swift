// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import NIC
import Session
import Testing

struct SmallPiecesTests {
  @Test(
    "a warning comes where a packet may have more than nine pieces",
    arguments: [
      (nil, 1448, nil), (3, 1448, 484), (180, 1448, 10), (181, 1448, nil), (1000, 8896, 10),
    ]
      as [(Int?, Int, Int?)])
  func warns(chunkSize: Int?, segmentSize: Int, count: Int?) {
    let pieces = SmallPieces(of: chunkSize, on: "eth0") { nil }
    let warning = pieces.warning(forPacketsOf: segmentSize)
    #expect((warning != nil) == (count != nil))
    if let count { #expect(warning?.contains("up to \(count) pieces") == true) }
  }

  /// The hint of a failure, after the counters have gone from one state to another.
  private func hint(
    _ before: TransmitDrops?, _ after: TransmitDrops?, of errno: Errno = .timedOut,
    chunkSize: Int? = 100
  ) -> String? {
    var states = [before, after]
    let pieces = SmallPieces(of: chunkSize, on: "eth0") { states.removeFirst() }
    return pieces.explain(Failure("send", errno: errno, hint: "before")).hint
  }

  @Test("packets that were dropped meanwhile explain a want of acknowledgements")
  func explains() {
    let none = TransmitDrops(interface: 5, driver: nil)
    let driver = TransmitDrops(interface: 0, driver: 0)
    let some = TransmitDrops(interface: 25, driver: nil)
    let cut = hint(none, some)
    #expect(cut?.contains("eth0 dropped 20 packets") == true)
    #expect(cut?.hasSuffix("leave -z out, or raise it") == true)
    #expect(hint(none, some, chunkSize: nil)?.hasSuffix("in larger ones") == true)
    #expect(
      hint(driver, TransmitDrops(interface: 0, driver: 3))?.contains("dropped 3 packets") == true)
    #expect(hint(none, none) == "before")
    #expect(hint(some, none) == "before")
    #expect(hint(nil, some) == "before")
    #expect(hint(none, nil) == "before")
    #expect(hint(none, some, of: .connectionReset) == "before")
  }
}
