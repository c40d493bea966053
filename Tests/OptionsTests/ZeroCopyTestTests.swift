// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Options
import TestSupport
import Testing

struct ZeroCopyTestTests {
  private func read(_ line: String) throws(Failure) -> ZeroCopyTest {
    try ZeroCopyTest(words: line.split(separator: " ").map(String.init))
  }

  private static func receive(
    _ change: (inout ZeroCopyTest.Receive) -> Void = { _ in }
  ) -> ZeroCopyTest {
    var receive = ZeroCopyTest.Receive()
    receive.interface = "eth0"
    receive.queue = 3
    receive.port = 5201
    change(&receive)
    return .receive(receive)
  }

  private static func send(_ change: (inout ZeroCopyTest.Send) -> Void) -> ZeroCopyTest {
    var send = ZeroCopyTest.Send()
    send.address = IPAddress("2001:db8::1")!
    send.port = 5201
    change(&send)
    return .send(send)
  }

  @Test(
    "what the kernel's test asks for is understood",
    arguments: [
      ("-s -p 5201 -i eth0 -q 3", receive()),
      ("-s -p 5201 -i eth0 -q 3 -o 4", receive { $0.requests = 4 }),
      ("-s -p 5201 -i eth0 -q 3 -x 2", receive { $0.pagesPerBuffer = 2 }),
      (
        "-s -p 5201 -i eth0 -q 3 -x 2 -d",
        receive {
          $0.pagesPerBuffer = 2
          $0.isTrial = true
        }
      ),
      ("-sieth0 -q3", receive { $0.port = 8000 }),
      ("-c -h 2001:db8::1 -p 5201 -l 12840", send { $0.chunkSize = 12840 }),
      (
        "-c -h 2001:db8::1 -p 5201 -l 4096 -z 16384",
        send {
          $0.chunkSize = 4096
          $0.byteCount = 16384
        }
      ),
    ] as [(String, ZeroCopyTest)])
  func reads(line: String, expected: ZeroCopyTest) throws {
    #expect(try read(line) == expected)
  }

  @Test(
    "what makes no sense is refused, by its name",
    arguments: [
      ("", "-s or -c"), ("-s -c -i eth0 -q 1", "-s or -c"), ("-s -q 1", "-i IFACE"),
      ("-s -i eth0", "-q QUEUE"), ("-c -p 1", "-h ADDR"), ("-c -h nowhere", "-h \"nowhere\""),
      ("-s -i eth0 -q 1 -h ::1", "-h"), ("-s -i eth0 -q x", "-q \"x\""),
      ("-s -i eth0 -q 1 -p 0", "-p \"0\""), ("-c -h ::1 -l 0", "-l \"0\""),
      ("-s -i eth0 -q 1 -w", "-w"), ("-s -i eth0 -q", "-q"), ("-s -i eth0 -q 1 more", "\"more\""),
    ])
  func refuses(line: String, words: String) {
    let failure = failing { () throws(Failure) in try read(line) }
    #expect(failure?.kind == .usage)
    #expect(failure?.subject == words)
  }
}
