// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import TestSupport
import Testing

struct DescriptorTests {
  @Test("an owned descriptor is closed with its owner")
  func closesAtScopeEnd() throws {
    let raw = try Pipe().reader.rawValue
    #expect(fcntl(raw, F_GETFD) == -1)
  }

  @Test("waiting tells readable, stopped and too late apart")
  func waits() throws {
    let data = try Pipe()
    let stop = try Pipe()
    func wait(until deadline: Instant?) throws(Errno) -> Readiness {
      try waitUntilReady(
        data.reader.rawValue, until: deadline, orStoppedBy: stop.reader.rawValue)
    }
    #expect(try wait(until: .now.advanced(milliseconds: 5)) == .timedOut)
    try data.write([1])
    #expect(try wait(until: nil) == .ready)
    try stop.write([1])
    #expect(try wait(until: nil) == .stopped)
  }
}
