// SPDX-License-Identifier: GPL-2.0-only

import Testing
import Transfer

struct ReceivePaceTests {
  @Test("a stream that runs is waited for in batches, one that trickles is not")
  func followsStream() {
    var pace = ReceivePace(memorySize: 64 << 20)
    #expect(changes(&pace, after: 100) == nil)
    #expect(!pace.isRunning)
    #expect(changes(&pace, after: 100_000) == 256 << 10)
    #expect(pace.isRunning)
    #expect(changes(&pace, after: 300_000) == nil)
    #expect(changes(&pace, after: 100) == 1)
    #expect(!pace.isRunning)
  }

  @Test("a batch that does not come in time is not waited for again")
  func givesUp() {
    var pace = ReceivePace(memorySize: 64 << 20)
    _ = changes(&pace, after: 1 << 20)
    pace.add(1 << 20)
    pace.stop()
    #expect(changes(&pace, after: 0) == 1)
  }

  @Test("waiting for a batch leaves most of a small memory free")
  func sparesMemory() {
    var pace = ReceivePace(memorySize: 64 << 10)
    #expect(changes(&pace, after: 4096) == 4096)
    var none = ReceivePace(memorySize: 0)
    #expect(changes(&none, after: 1) == nil)
  }

  @Test("where the peer waits for an answer there are no batches, however much came")
  func expectsNone() {
    var pace = ReceivePace(memorySize: 64 << 20, waitsForBatches: false)
    #expect(changes(&pace, after: 1 << 40) == nil)
    #expect(!pace.isRunning)
  }

  private func changes(_ pace: inout ReceivePace, after count: Int) -> Int? {
    pace.add(count)
    return pace.takeChange()
  }
}
