// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Sockets
import Testing

struct TokenBatchTests {
  @Test(
    "successive tokens share a range, equal ones do not",
    arguments: [
      ([1, 2, 3], [[1, 3]]),
      ([5, 5, 6, 5], [[5, 1], [5, 2], [5, 1]]),
      ([3, 1, 2], [[3, 1], [1, 2]]),
      ([0], [[0, 1]]),
      ([.max - 1, .max, 0], [[.max - 1, 2], [0, 1]]),
    ] as [([UInt32], [[UInt32]])])
  func gathers(tokens: [UInt32], expected: [[UInt32]]) {
    var batch = TokenBatch()
    #expect(append(tokens, to: &batch) == tokens.count)
    #expect(ranges(of: batch) == expected)
  }

  @Test("a batch is full after 1024 fragments in one range")
  func isFullOfFragments() {
    var batch = TokenBatch()
    #expect(append(1...1025, to: &batch) == 1024)
    #expect(ranges(of: batch) == [[1, 1024]])
  }

  @Test("a batch is full after 128 ranges, but the last may still grow")
  func isFullOfRanges() {
    var batch = TokenBatch()
    #expect(append(stride(from: 0, to: 258, by: 2), to: &batch) == 128)
    #expect(append([255], to: &batch) == 1)
    let fragments = batch.fragmentCount
    #expect(fragments == 129)
  }

  @Test("an emptied batch takes as many tokens again")
  func isReusable() {
    var batch = TokenBatch()
    _ = append(1...1024, to: &batch)
    batch.removeAll()
    #expect(append(1025...2049, to: &batch) == 1024)
    #expect(ranges(of: batch) == [[1025, 1024]])
  }

  @Test("a batch is empty before the first token, and once it was emptied")
  func isEmpty() {
    var batch = TokenBatch()
    var states = [batch.isEmpty]
    _ = append([3, 3], to: &batch)
    states.append(batch.isEmpty)
    batch.removeAll()
    states.append(batch.isEmpty)
    #expect(states == [true, false, true])
  }

  /// How many of the tokens the batch took before it refused one.
  private func append(_ tokens: some Sequence<UInt32>, to batch: inout TokenBatch) -> Int {
    var taken = 0
    for token in tokens {
      guard batch.append(token) else { break }
      taken += 1
    }
    return taken
  }

  private func ranges(of batch: borrowing TokenBatch) -> [[UInt32]] {
    let ranges = batch.ranges
    return ranges.indices.map { [ranges[$0].token_start, ranges[$0].token_count] }
  }
}
