// SPDX-License-Identifier: GPL-2.0-only

/// Makes inputs of other inputs, the same ones from the same seed.
struct Mutator {
  private var state: UInt64
  private let inputs: [[UInt8]]

  init(seed: UInt64, _ inputs: [[UInt8]]) {
    state = seed
    self.inputs = inputs
  }

  /// An input with one to four changes.
  mutating func next() -> [UInt8] {
    var input = inputs[random(below: inputs.count)]
    for _ in 0...random(below: 4) { change(&input) }
    return input
  }

  private mutating func change(_ input: inout [UInt8]) {
    let place = random(below: input.count + 1)
    guard place < input.count else {
      return input.append(Self.edges[random(below: Self.edges.count)])
    }
    switch random(below: 6) {
    case 0: input[place] ^= 1 << UInt8(random(below: 8))
    case 1: input[place] = Self.edges[random(below: Self.edges.count)]
    case 2: input.removeSubrange(place..<min(input.count, place + 1 + random(below: 8)))
    case 3: input.insert(UInt8(random(below: 256)), at: place)
    case 4:
      // A number of four bytes.
      for offset in 0..<min(4, input.count - place) { input[place + offset] = 0xff }
    default:
      let other = inputs[random(below: inputs.count)]
      input = Array(input[..<place] + other.dropFirst(random(below: other.count + 1)))
    }
  }

  /// Values at which readers differ: zeros, ends of ranges, separators.
  private static let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xff] + Array(" \n\t\"\\,:;=-09%{}".utf8)

  /// SplitMix64.
  private mutating func random(below limit: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return Int(truncatingIfNeeded: (value ^ value >> 31) % UInt64(limit))
  }
}
