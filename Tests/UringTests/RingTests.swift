// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import TestSupport
import Testing
import Uring

extension Trait where Self == ConditionTrait {
  /// Runs a test only where a ring can be made; says so elsewhere.
  fileprivate static var requiresRings: Self {
    .enabled("needs io_uring with DEFER_TASKRUN (Linux 6.1)") {
      (try? Ring(requests: 1, completions: 1).waiting) != nil
    }
  }
}

struct RingTests {
  @Test("a completion carries the number and the error of its request", .requiresRings)
  func completes() throws {
    let pipe = try Pipe()
    var ring = try Ring(requests: 4, completions: 8)
    try ring.enable()
    // There is no queue of this number, so that a kernel of any age refuses the request.
    try ring.request(from: pipe.reader.borrowed, as: 0x1234_5678_9abc, count: 0, through: 99)
    let mustGather = ring.mustGather
    #expect(mustGather)
    try ring.gather()
    let waiting = ring.waiting
    try #require(waiting == 1)
    let completion = ring.completion(0)
    #expect(completion.number == 0x1234_5678_9abc)
    #expect([-EINVAL, -EOPNOTSUPP].contains(completion.result))
    #expect(!completion.hasMore)
    ring.take(1)
    let left = ring.waiting
    #expect(left == 0)
  }

  @Test("more requests than fit are handed on meanwhile", .requiresRings)
  func handsOn() throws {
    let pipe = try Pipe()
    var ring = try Ring(requests: 2, completions: 64)
    try ring.enable()
    for number in 0..<9 {
      try ring.request(from: pipe.reader.borrowed, as: UInt64(number), count: 0, through: 99)
    }
    try ring.gather()
    var numbers: [UInt64] = []
    for index in 0..<ring.waiting { numbers.append(ring.completion(index).number) }
    #expect(numbers == Array(0..<9))
  }
}

struct RefusalTests {
  private func explained(_ errno: Errno, by refusals: [Refusal]) -> Failure {
    Failure("receive", errno: errno).explained(by: refusals)
  }

  @Test(
    "each refusal says what it needs",
    arguments: [
      (Errno(ENOSYS), Refusal.ofRings, "CONFIG_IO_URING", Failure.Kind.unsupported),
      (.notPermitted, Refusal.ofRings, "io_uring_disabled", .unsupported),
      (.invalidArgument, Refusal.ofRings, "6.15", .unsupported),
      (.outOfMemory, Refusal.ofRings, "ulimit -l", .failed),
      (.notPermitted, Refusal.ofPages, "CAP_NET_ADMIN", .unsupported),
      (.invalidArgument, Refusal.ofPages, "header split", .failed),
      (.outOfMemory, Refusal.ofPages, "ulimit -l", .failed),
      (.notSupported, Refusal.ofPages, "restart its queues", .unsupported),
      (.invalidArgument, Refusal.ofDMABufs, "6.16", .failed),
      (.busy, Refusal.ofDMABufs, "AF_XDP", .failed),
    ])
  func explains(errno: Errno, refusals: [Refusal], words: String, kind: Failure.Kind) {
    let failure = explained(errno, by: refusals)
    #expect(failure.hint?.contains(words) == true)
    #expect(failure.kind == kind)
    #expect(failure.errno == errno)
  }

  @Test("what the kernel has never refused with is left as it is")
  func leavesOthers() {
    let failure = explained(.brokenPipe, by: Refusal.ofPages)
    #expect(failure.hint == nil)
    #expect(failure.kind == .failed)
  }
}
