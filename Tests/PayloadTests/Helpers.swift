// SPDX-License-Identifier: GPL-2.0-only

import Payload

extension Pattern {
  /// The stream's bytes one by one: the slow way, to test the fast ones.
  func bytes(_ count: Int, from offset: Int = 0) -> [UInt8] {
    (offset..<offset + count).map(byte)
  }
}

extension PatternGenerator {
  /// What the generator writes into a buffer of zeroes.
  func bytes(_ count: Int, from offset: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    var rawSpan = unsafe span.mutableBytes
    fill(&rawSpan, from: offset)
    return bytes
  }
}

extension Validator {
  /// Checks an array, so that no test needs to mark a span unsafe.
  @discardableResult
  mutating func check(_ bytes: [UInt8]) -> Int {
    unsafe check(bytes.span.bytes)
  }
}

/// Numbers that look random and come back the same for the same seed (SplitMix64).
struct RepeatableRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
