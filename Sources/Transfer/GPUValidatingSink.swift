// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Payload
internal import Sockets

/// Has a GPU compare the stream with its pattern, where the stream is in the GPU's memory, and
/// reports wrong bytes: as `ValidatingSink` does, and with the same result.
///
/// The fragments of a `recvmsg` are gathered, and compared when they are to be released. Those that
/// the GPU finds wrong are copied to the host and checked there: the CPU's findings are reported, and
/// if they are others, that is an error of its own. A GPU that finds everything right is not believed
/// either: of the batches 1, 2, 4, 8 and so on, the CPU checks all. Payload in host memory is checked
/// by the CPU.
package struct GPUValidatingSink: PayloadSink, ~Copyable {
  /// A fragment, or a part of one, that the GPU is to compare.
  private struct Piece {
    /// Where it is in the memory.
    let fragment: Fragment
    /// The number of the fragment that it belongs to.
    let index: Int
    let streamOffset: Int

    var range: Range<Int> { Int(fragment.offset)..<Int(fragment.offset) + Int(fragment.size) }
  }

  /// Stands where the stream was when the pieces were compared last.
  private var validator: Validator
  private var comparison: GPUComparison
  private let report: (String) -> Void
  private var sampling: Sampling
  /// What the comparison has, in the same order.
  private var pieces: [Piece] = []
  /// How many batches were compared.
  private var batches = 0
  /// How many bytes were taken: where the next piece begins.
  private var streamOffset = 0

  /// How many bytes were compared.
  package private(set) var checkedByteCount = 0

  /// - Parameters:
  ///   - comparison: Of the stream's memory with the pattern.
  ///   - interval: Of how many pieces the first one is checked, at least 1.
  ///   - report: Takes a line for each of the first wrong bytes.
  package init(
    _ pattern: Pattern, by comparison: consuming GPUComparison, every interval: Int = 1,
    report: @escaping (String) -> Void
  ) {
    validator = Validator(pattern)
    self.comparison = comparison
    self.report = report
    sampling = Sampling(every: interval)
    pieces.reserveCapacity(GPUComparison.capacity)
  }

  /// The CPU reads no payload but what is wrong.
  package var readsPayload: Bool { false }

  package mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    guard sampling.takesNext() else {
      streamOffset &+= piece.byteCount
      return
    }
    checkedByteCount &+= piece.byteCount
    let origin = origin()
    if case .fragment(let fragment, let index) = origin {
      return try add(fragment, index)
    }
    // In the order of the stream: the first wrong bytes are the first ones.
    try release()
    streamOffset &+= piece.byteCount
    guard validator.check(piece) > 0 else { return }
    validator.reportMismatches(in: piece.byteCount, from: origin, to: report)
  }

  /// Adds a fragment to what the GPU is to compare, in as many pieces as it takes.
  private mutating func add(_ fragment: Fragment, _ index: Int) throws(Failure) {
    var done: UInt32 = 0
    while done < fragment.size {
      if comparison.isFull { try release() }
      let size = min(fragment.size - done, UInt32(GPUComparison.pieceLimit))
      let piece = Piece(
        fragment: Fragment(
          offset: fragment.offset + UInt64(done), size: size, token: fragment.token,
          binding: fragment.binding),
        index: index, streamOffset: streamOffset)
      comparison.add(piece.range, from: streamOffset)
      pieces.append(piece)
      streamOffset &+= Int(size)
      done += size
    }
  }

  /// Has the GPU compare what was gathered.
  package mutating func release() throws(Failure) {
    if !pieces.isEmpty {
      defer {
        pieces.removeAll(keepingCapacity: true)
        comparison.removeAll()
      }
      let isRight = try comparison.compare()
      batches &+= 1
      let isWitnessed = batches & (batches &- 1) == 0
      if isWitnessed {
        try confirm(Array(pieces.indices))
      } else if !isRight {
        try confirm(pieces.indices.filter { comparison.wrongByteCount(of: $0) > 0 })
      }
    }
    advance(to: streamOffset)
  }

  /// Passes over what is right, or not to be checked.
  private mutating func advance(to offset: Int) {
    let count = offset - validator.streamOffset
    validator.skip(count)
  }

  /// Checks some pieces on the host.
  ///
  /// - Throws: That the host finds something else.
  private mutating func confirm(_ numbers: [Int]) throws(Failure) {
    let ranges = numbers.map { pieces[$0].range }
    // One copy for all, as that of a `recvmsg` whose fragments the host checks.
    try comparison.fetch(
      ranges.map(\.lowerBound).min()!..<ranges.map(\.upperBound).max()!)
    for number in numbers {
      let piece = pieces[number]
      advance(to: piece.streamOffset)
      let known = validator.mismatches.count
      let count = check(piece)
      validator.reportMismatches(
        in: piece.range.count, from: .fragment(piece.fragment, index: piece.index), to: report)
      let seen = validator.mismatches[known...].map {
        GPUComparison.Mismatch(
          pieceOffset: $0.pieceOffset, expected: $0.expected, actual: $0.actual)
      }
      guard count == comparison.wrongByteCount(of: number),
        zip(seen, comparison.mismatches(of: number)).allSatisfy({ $0 == $1 })
      else { throw disagreement(on: number, count) }
    }
  }

  /// Checks the copy of a piece.
  ///
  /// - Returns: How many bytes are wrong.
  private mutating func check(_ piece: Piece) -> Int {
    // A copy of it: the compiler takes the bytes for a part of this sink.
    var validator = validator
    defer { self.validator = validator }
    return validator.check(comparison.copy.extracting(piece.range))
  }

  /// The GPU's and the host's verdicts on a piece are not the same.
  private func disagreement(on number: Int, _ count: Int) -> Failure {
    let piece = pieces[number]
    return Failure(
      "validate",
      on: "fragment \(piece.index) (\(piece.range.count) bytes at \(piece.range.lowerBound))",
      reason: """
        the GPU finds \(comparison.wrongByteCount(of: number)) wrong bytes, the CPU \(count) in the \
        copy of them
        """,
      hint:
        "one of the two does not see what the NIC wrote: check dmesg for Xid, and IOMMU settings")
  }

  package var wrongByteCount: Int? { validator.wrongByteCount }
}
