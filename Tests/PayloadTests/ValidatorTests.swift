// SPDX-License-Identifier: GPL-2.0-only

import Payload
import Testing

struct ValidatorTests {
  @Test("the pattern itself is right, whatever its period and length", arguments: Pattern.periods)
  func acceptsPattern(period: Int) throws {
    let pattern = try #require(Pattern(period: period))
    let unused = Validator(pattern)
    let stream = pattern.bytes(17_000)
    for length in [0, 1, period - 1, period, period + 1, 8192, 17_000] {
      var validator = unused
      #expect(validator.check(Array(stream.prefix(length))) == 0)
      #expect(validator.streamOffset == length)
      #expect(validator.mismatches.isEmpty)
    }
  }

  @Test("the phase carries over however the stream is cut", arguments: [2, 7, 11, 255, 256])
  func acceptsAnyCut(period: Int) throws {
    let pattern = try #require(Pattern(period: period))
    let stream = pattern.bytes(60_000)
    var random = RepeatableRandom(seed: UInt64(period))
    for longest in [1, 3, period, 1000, 40_000] {
      var validator = Validator(pattern)
      for _ in 0..<200 {
        let start = validator.streamOffset
        let count = Int.random(in: 0...longest, using: &random)
        guard start + count <= stream.count else { break }
        #expect(validator.check(Array(stream[start..<start + count])) == 0)
        #expect(validator.streamOffset == start + count)
      }
    }
  }

  @Test("a wrong byte is found wherever it is", arguments: [2, 7, 256])
  func findsEachPosition(period: Int) throws {
    let pattern = try #require(Pattern(period: period))
    let unused = Validator(pattern)
    for position in 0..<300 {
      try expectFound(position, of: 300, by: unused)
    }
  }

  @Test(
    "a wrong byte is found at either end of a long piece and of its blocks",
    arguments: [0, 1, 8189, 8190, 8191, 16379, 16380, 49_999])
  func findsInLongPieces(position: Int) throws {
    try expectFound(position, of: 50_000, by: Validator(try #require(Pattern(period: 7))))
  }

  @Test("a mismatch is placed in the piece and in the stream")
  func placesMismatch() throws {
    let pattern = try #require(Pattern(period: 7))
    var validator = Validator(pattern)
    validator.check(pattern.bytes(1000))
    var piece = pattern.bytes(50, from: 1000)
    piece[20] ^= 0x80
    #expect(validator.check(piece) == 1)
    let mismatch = try #require(validator.mismatches.first)
    #expect(mismatch.streamOffset == 1020)
    #expect(mismatch.pieceOffset == 20)
    #expect(mismatch.expected == pattern.byte(at: 1020))
    #expect(mismatch.actual == mismatch.expected ^ 0x80)
  }

  @Test("all wrong bytes are counted, twenty are kept, and right ones end no count")
  func countsAll() throws {
    let pattern = try #require(Pattern(period: 7))
    var validator = Validator(pattern)
    let zeroes = [UInt8](repeating: 0, count: 15)
    #expect(validator.check(zeroes) == 15)
    #expect(validator.check(pattern.bytes(100_000, from: 15)) == 0)
    #expect(validator.check(zeroes) == 15)
    #expect(validator.wrongByteCount == 30)
    #expect(validator.mismatches.count == Validator.mismatchLimit)
    #expect(validator.mismatches.map(\.streamOffset) == Array(0..<15) + Array(100_015..<100_020))
  }

  @Test("a byte too many or too few is not the pattern any more")
  func noticesShift() throws {
    let pattern = try #require(Pattern(period: 256))
    for shift in [1, 255] {
      var validator = Validator(pattern)
      #expect(validator.check(pattern.bytes(256, from: shift)) == 256)
    }
  }

  @Test(
    "a stream that goes on in another place of the pattern is wrong from there on",
    arguments: [1, 100, 8191, 8192, 8292, 16384])
  func noticesJump(length: Int) throws {
    let pattern = try #require(Pattern(period: 256))
    for phase in [0, 1, 2, 255] where phase != length % 256 {
      var validator = Validator(pattern)
      #expect(validator.check(pattern.bytes(length)) == 0)
      #expect(validator.check(pattern.bytes(256, from: phase)) == 256)
    }
  }

  private func expectFound(_ position: Int, of count: Int, by unused: Validator) throws {
    var piece = unused.pattern.bytes(count)
    piece[position] &+= 1
    var validator = unused
    #expect(validator.check(piece) == 1)
    let mismatch = try #require(validator.mismatches.first)
    #expect(mismatch.streamOffset == position)
    #expect(mismatch.actual == mismatch.expected &+ 1)
  }
}
