// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A batch of pieces of a GPU's memory, which the GPU compares with a pattern all at once. What
/// batches need is allocated beforehand, in host memory that the kernel reads and writes by itself:
/// a batch costs one launch and one wait, and nothing is copied.
@safe package struct GPUComparison: ~Copyable {
  /// A byte that is not what the pattern has in its place.
  package struct Mismatch: Hashable, Sendable {
    /// In bytes from the start of the piece.
    package let pieceOffset: Int
    /// What the pattern has there.
    package let expected: UInt8
    /// What the memory has there.
    package let actual: UInt8

    /// A wrong byte that somebody found.
    package init(pieceOffset: Int, expected: UInt8, actual: UInt8) {
      self.pieceOffset = pieceOffset
      self.expected = expected
      self.actual = actual
    }
  }

  /// The most bytes of one piece.
  package static let pieceLimit = ComparisonKernel.pieceLimit
  /// The most pieces of a batch.
  package static let capacity = 2048
  /// How many mismatches of a piece are kept; more are only counted.
  package static let mismatchLimit = ComparisonKernel.mismatchLimit

  private let comparer: GPUComparer
  private let stream: CUDAStream
  private let host: CUDAHostMemory
  private let area: ComparisonArea

  /// How many pieces the batch has.
  package private(set) var count = 0

  /// Allocates what batches need.
  init(by comparer: GPUComparer) throws(Failure) {
    let context = comparer.memory.context
    let stream = try CUDAStream(in: context)
    let host = try CUDAHostMemory(byteCount: ComparisonArea.byteCount, in: context)
    self.comparer = comparer
    self.stream = stream
    unsafe area = ComparisonArea(at: host.base, for: comparer.pattern)
    self.host = host
  }

  /// Whether no piece can be added.
  package var isFull: Bool { count == Self.capacity }

  /// Adds a piece.
  ///
  /// - Parameters:
  ///   - range: Where it is in the memory: `pieceLimit` bytes at most.
  ///   - streamOffset: Where in the stream it begins, and the stream with the pattern.
  /// - Precondition: the batch is not full.
  package mutating func add(_ range: Range<Int>, from streamOffset: Int) {
    let memory = comparer.memory
    precondition(range.lowerBound >= 0 && range.upperBound <= memory.byteCount)
    add(memory.address + CLinux_CUdeviceptr(range.lowerBound), range.count, from: streamOffset)
  }

  private mutating func add(_ address: CLinux_CUdeviceptr, _ length: Int, from streamOffset: Int) {
    precondition(count < Self.capacity && length <= Self.pieceLimit)
    unsafe area.pieces[count] = ComparisonKernel.Piece(
      address: address, length: UInt32(length),
      phase: UInt32(streamOffset % comparer.pattern.count))
    unsafe area.wrongByteCounts[count] = ComparisonKernel.unanswered
    count += 1
  }

  /// Empties the batch.
  package mutating func removeAll() { count = 0 }

  /// Compares the batch, with what other devices wrote so far. What was found stays until the batch
  /// is emptied.
  ///
  /// - Returns: Whether every byte is right.
  package func compare() throws(Failure) -> Bool {
    guard count > 0 else { return true }
    let memory = comparer.memory
    try memory.context.enter()
    try memory.flush()
    try unsafe stream.launch(
      comparer.function, blocks: count, threads: ComparisonKernel.threads, area.parameters)
    try stream.finish()
    var isRight = true
    for piece in 0..<count {
      let wrong = unsafe area.wrongByteCounts[piece]
      if wrong == 0 { continue }
      isRight = false
      guard wrong <= UInt32(Self.pieceLimit) else {
        throw Failure(
          "compare", on: memory.subject, reason: "the kernel has no answer for piece \(piece)")
      }
    }
    return isRight
  }

  /// How many bytes of a piece are wrong.
  package func wrongByteCount(of piece: Int) -> Int {
    precondition(piece < count)
    return unsafe Int(area.wrongByteCounts[piece])
  }

  /// The first wrong bytes of a piece, in order; at most `mismatchLimit`.
  package func mismatches(of piece: Int) -> [Mismatch] {
    let first = piece * Self.mismatchLimit
    return (first..<first + min(wrongByteCount(of: piece), Self.mismatchLimit)).map {
      let mismatch = unsafe area.mismatches[$0]
      return Mismatch(
        pieceOffset: Int(mismatch.offset), expected: mismatch.expected, actual: mismatch.actual)
    }
  }

  /// Copies a range of the memory to the host, to be looked at in `copy`.
  package func fetch(_ range: Range<Int>) throws(Failure) { try comparer.memory.fetch(range) }

  /// The copy of the whole memory; valid where it was fetched.
  package var copy: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      let bytes = unsafe RawSpan(
        _unsafeStart: comparer.memory.copy, byteCount: comparer.memory.byteCount)
      return unsafe _overrideLifetime(bytes, borrowing: self)
    }
  }
}

extension GPUComparison {
  /// Compares bytes in host memory: right ones from an odd place on, and two wrong ones.
  ///
  /// - Throws: Why the kernel does not run, or that its answers are not right.
  mutating func tryKernel() throws(Failure) {
    let pattern = comparer.pattern
    let wrong = [Self.pieceLimit - 4000, Self.pieceLimit - 1]
    for offset in 0..<Self.pieceLimit {
      let byte = pattern[offset % pattern.count]
      unsafe area.trial[offset] = wrong.contains(offset) ? ~byte : byte
    }
    let address = unsafe host.address(of: area.trial)
    add(address + 3, 9001, from: 3)
    add(address, Self.pieceLimit, from: 0)
    let isRight = try compare()
    let expected = wrong.map { offset in
      let byte = pattern[offset % pattern.count]
      return Mismatch(pieceOffset: offset, expected: byte, actual: ~byte)
    }
    guard !isRight, wrongByteCount(of: 0) == 0, wrongByteCount(of: 1) == wrong.count,
      mismatches(of: 1) == expected
    else {
      throw Failure(
        "compare", on: comparer.memory.subject, reason: "the kernel's answers are wrong")
    }
    removeAll()
  }
}
