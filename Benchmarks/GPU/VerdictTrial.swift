// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload

/// Whether the GPU finds the same wrong bytes as the CPU, wherever they are.
struct VerdictTrial {
  /// A part of a stream, and where it lies in memory.
  private struct Piece {
    let range: Range<Int>
    let streamOffset: Int

    /// The piece as the GPU takes it.
    var parts: [Piece] {
      stride(from: range.lowerBound, to: range.upperBound, by: GPUComparison.pieceLimit).map {
        Piece(
          range: $0..<min($0 + GPUComparison.pieceLimit, range.upperBound),
          streamOffset: streamOffset + $0 - range.lowerBound)
      }
    }

    /// What the pattern has at a place in memory.
    func byte(at place: Int, of pattern: Pattern) -> UInt8 {
      pattern.byte(at: streamOffset + place - range.lowerBound)
    }
  }

  /// A wrong byte, counted from the start of the stream.
  private struct Mismatch: Equatable {
    let streamOffset: Int
    let expected: UInt8
    let actual: UInt8
  }

  /// Numbers that are the same in each run (a linear congruential generator, Knuth's MMIX).
  private struct Numbers: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state &>> 16 | state &<< 48
    }
  }

  private static let periods = [7, 2, 3, 16, 31, 128, 255, 256]
  private static let sizes = [1448, 4096, 8948, 65_536]
  private static let randomCases = 96
  /// What makes a byte wrong.
  private static let flip: UInt8 = 0x81

  private var cases = 0
  private var planted = 0
  private var disagreements = 0
  private var first: String?

  /// - Parameter figures: Gets what was seen.
  mutating func run(
    in buffer: inout DeviceBuffer, figures: inout JSONObject
  ) throws(Failure) {
    defer {
      figures.add("cases", cases)
      figures.add("planted_bytes", planted)
      figures.add("disagreements", disagreements)
    }
    var numbers = Numbers()
    for (index, period) in Self.periods.enumerated() {
      let pattern = Pattern(period: period)!
      let start = Instant.now
      guard let comparer = try buffer.comparer(with: pattern.bytes) else { return }
      if index == 0 {
        figures.add("load_milliseconds", Instant.now.since(start).inSeconds * 1e3, decimals: 3)
      }
      let generator = PatternGenerator(pattern)
      var comparison = try comparer.comparison()
      for size in Self.sizes {
        for wrong in Self.chosenPlaces(in: size) {
          let pieces = (0..<6).map { piece in
            let start = piece * (size + 4096) + [0, 1, 15, 8, 4095, 3][piece]
            return Piece(range: start..<start + size, streamOffset: piece * size)
          }
          let places = wrong.flatMap { place in pieces.map { $0.range.lowerBound + place } }
          try judge(pieces, wrong: places, in: &buffer, generator, by: &comparison)
        }
      }
      for _ in 0..<Self.randomCases / Self.periods.count {
        let pieces = Self.randomPieces(&numbers)
        let places = (0..<Int.random(in: 0...40, using: &numbers)).map { _ in
          Int.random(in: pieces.randomElement(using: &numbers)!.range, using: &numbers)
        }
        try judge(pieces, wrong: places, in: &buffer, generator, by: &comparison)
      }
    }
    try expect(disagreements == 0, "\(disagreements) verdicts differ: \(first ?? "")")
  }

  /// Where to plant wrong bytes: nowhere, at both ends, off every alignment, in a row, one after the
  /// other for as long as a small piece is, all over.
  private static func chosenPlaces(in size: Int) -> [[Int]] {
    [
      [], [0], [size - 1], [size / 2 + 1], [15, 16, 17], [0, 1, 511, 512, 4095, size - 1],
      Array(100..<140), Array(0..<min(size, 1448)), Array(stride(from: 0, to: size, by: 61)),
    ].map { $0.filter { $0 < size } }
  }

  /// Pieces of random sizes, at random places in the same 512 KiB, in the order of the stream.
  private static func randomPieces(_ numbers: inout Numbers) -> [Piece] {
    var pieces: [Piece] = []
    var (place, streamOffset) = (0, Int.random(in: 0..<1 << 40, using: &numbers))
    for _ in 0..<Int.random(in: 1...24, using: &numbers) {
      place += Int.random(in: 0...4096, using: &numbers)
      let size = Int.random(in: 1...(Bool.random(using: &numbers) ? 64 : 16_384), using: &numbers)
      pieces.append(Piece(range: place..<place + size, streamOffset: streamOffset))
      place += size
      streamOffset += size
    }
    return pieces
  }

  /// Writes pieces, with wrong bytes and others between the pieces, and compares the verdicts.
  private mutating func judge(
    _ pieces: [Piece], wrong: [Int], in buffer: inout DeviceBuffer,
    _ generator: PatternGenerator,
    by comparison: inout GPUComparison
  ) throws(Failure) {
    let pattern = generator.pattern
    let whole = 0..<pieces.last!.range.upperBound + 64
    let wrong = Set(wrong)
    _ = try buffer.writing(whole) { bytes in
      unsafe _ = bytes.withUnsafeMutableBytes {
        unsafe $0.initializeMemory(as: UInt8.self, repeating: 0xee)
      }
      for piece in pieces {
        var part = bytes._mutatingExtracting(piece.range)
        generator.fill(&part, from: piece.streamOffset)
      }
      for piece in pieces {
        for place in wrong where piece.range.contains(place) {
          let byte = piece.byte(at: place, of: pattern)
          bytes.storeBytes(of: byte ^ Self.flip, toByteOffset: place, as: UInt8.self)
        }
      }
      return whole.count
    }
    cases += 1
    planted += wrong.count

    comparison.removeAll()
    for piece in pieces { comparison.addFragment(piece.range, from: piece.streamOffset) }
    let isRight = try comparison.compare()
    var onGPU: [Mismatch] = []
    var count = 0
    var number = 0
    var truth: [Mismatch] = []
    var noted: [Mismatch] = []
    var validator = Validator(pattern)
    validator.skip(pieces[0].streamOffset)
    try buffer.reading(whole) { bytes in
      for piece in pieces {
        validator.check(bytes.extracting(piece.range))
        for part in piece.parts {
          let planted = wrong.filter(part.range.contains).sorted().map { place in
            let expected = part.byte(at: place, of: pattern)
            return Mismatch(
              streamOffset: part.streamOffset + place - part.range.lowerBound, expected: expected,
              actual: expected ^ Self.flip)
          }
          truth += planted
          noted += planted.prefix(GPUComparison.mismatchLimit)
          count += comparison.wrongByteCount(of: number)
          onGPU += comparison.mismatches(of: number).map {
            Mismatch(
              streamOffset: part.streamOffset + $0.pieceOffset, expected: $0.expected,
              actual: $0.actual)
          }
          number += 1
        }
      }
    }
    let onHost = validator.mismatches.map {
      Mismatch(streamOffset: $0.streamOffset, expected: $0.expected, actual: $0.actual)
    }
    let agrees =
      number == comparison.count && isRight == truth.isEmpty && onGPU == noted
      && count == truth.count && validator.wrongByteCount == truth.count
      && onHost == Array(truth.prefix(Validator.mismatchLimit))
    guard !agrees else { return }
    disagreements += 1
    let line = """
      period \(pattern.period), pieces \(pieces.map(\.range)): planted \(wrong.count), the CPU \
      found \(validator.wrongByteCount), the GPU \(count)
      """
    first = first ?? line
    if disagreements <= 10 { Diagnostics.print(line) }
  }
}
