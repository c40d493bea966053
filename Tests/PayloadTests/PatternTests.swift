// SPDX-License-Identifier: GPL-2.0-only

import Payload
import Testing

struct PatternTests {
  @Test("a period counts up to the one below it and ends with a newline")
  func countsUp() throws {
    #expect(try #require(Pattern(period: 2)).bytes(5) == [1, 10, 1, 10, 1])
    #expect(try #require(Pattern(period: 7)).bytes(9) == [1, 2, 3, 4, 5, 6, 10, 1, 2])
    #expect(try #require(Pattern(period: 11)).bytes(12).suffix(4) == [9, 10, 10, 1])
    #expect(try #require(Pattern(period: 256)).bytes(257).suffix(3) == [255, 10, 1])
  }

  @Test("the alphabet begins again after z, and is another pattern than the numbers up to 25")
  func spells() {
    #expect(Pattern.alphabet.bytes(28) == Array("abcdefghijklmnopqrstuvwxyzab".utf8))
    #expect(Pattern.alphabet.bytes.count == 26)
    #expect(Pattern.alphabet != Pattern(period: 26))
  }

  @Test("one period of it is as long as that")
  func hasPeriod() throws {
    #expect(try #require(Pattern(period: 2)).bytes == [1, 10])
    #expect(try #require(Pattern(period: 5)).bytes == [1, 2, 3, 4, 10])
  }

  @Test("there are periods of 2 to 256", arguments: [Int.min, -1, 0, 1, 257, Int.max])
  func refusesPeriod(period: Int) {
    #expect(Pattern(period: period) == nil)
  }

  @Test("every period is what the C tool expects", arguments: Pattern.periods)
  func agreesWithC(period: Int) throws {
    let pattern = try #require(Pattern(period: period))
    var seed: UInt8 = 1
    var expected: [UInt8] = []
    while expected.count < 600 {
      expected.append(seed != 0 ? seed : 10)
      seed &+= 1
      if Int(seed) == period { seed = 0 }
    }
    #expect(pattern.bytes(600) == expected)
  }

  @Test("a buffer is filled from the start of the stream where no place is named")
  func generatesStart() throws {
    var bytes = [UInt8](repeating: 0, count: 4)
    var span = bytes.mutableSpan
    var rawSpan = unsafe span.mutableBytes
    PatternGenerator(try #require(Pattern(period: 3))).fill(&rawSpan)
    #expect(bytes == [1, 2, 10, 1])
  }

  @Test("a buffer is filled as the stream runs there", arguments: [2, 7, 255, 256])
  func generates(period: Int) throws {
    let pattern = try #require(Pattern(period: period))
    let generator = PatternGenerator(pattern)
    for (offset, count) in [(0, 0), (0, 1), (period - 1, 2), (1001, 16384), (123_457, 50_000)] {
      #expect(generator.bytes(count, from: offset) == pattern.bytes(count, from: offset))
    }
  }
}
