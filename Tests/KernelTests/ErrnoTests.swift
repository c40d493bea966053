// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import TestSupport
import Testing

struct ErrnoTests {
  @Test("a call that must be restarted is, and another failure is thrown at once")
  func restarts() throws {
    var answers = [EAGAIN, EINTR, EAGAIN, 0, EBUSY, 0]
    func call() -> CInt {
      errno = answers.removeFirst()
      return errno == 0 ? 5 : -1
    }
    #expect(try restarting(call) == 5)
    #expect(throws: Errno.busy) { try restarting(call) }
    #expect(answers == [0])
  }

  @Test("a call that always wants to be restarted ends", arguments: [EAGAIN, EINTR])
  func ends(number: CInt) {
    var calls = 0
    #expect(throws: Errno(number)) {
      try restarting(atMost: 10) { () -> CInt in
        calls += 1
        errno = number
        return -1
      }
    }
    #expect(calls == 10)
  }

  @Test("a call that is interrupted is made again, and one that always is ends")
  func interrupted() throws {
    var answers = [EINTR, EINTR, 0, EAGAIN]
    func call() -> CInt {
      errno = answers.removeFirst()
      return errno == 0 ? 5 : -1
    }
    #expect(try retrying(call) == 5)
    #expect(throws: Errno.tryAgain) { try retrying(call) }
    var calls = 0
    #expect(throws: Errno.interrupted) {
      try retrying { () -> CInt in
        calls += 1
        // The test fails where this is left.
        errno = calls > 100_000 ? EIO : EINTR
        return -1
      }
    }
  }
}
