// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct FalseStartsTests {
  @Test("they end a loop that gets nowhere, and one that gets on never")
  func limit() {
    var falseStarts = FalseStarts()
    for _ in 0..<1000 {
      for _ in 0..<10 {
        let goesOn = falseStarts.mayGoOn()
        #expect(goesOn)
      }
      falseStarts.end()
    }
    var count = 0
    while falseStarts.mayGoOn(), count < 100_000 { count += 1 }
    #expect(count < 10_000)
  }
}
