// SPDX-License-Identifier: GPL-2.0-only

/// What the CPU and the comparing kernel exchange, in host memory that both reach.
@safe struct ComparisonArea {
  /// What is to be compared.
  let pieces: UnsafeMutablePointer<ComparisonKernel.Piece>
  /// The answers: for each piece the number of its wrong bytes.
  let wrongByteCounts: UnsafeMutablePointer<UInt32>
  /// The first wrong bytes: `mismatchLimit` places for each piece.
  let mismatches: UnsafeMutablePointer<ComparisonKernel.Mismatch>
  /// The pointers to a launch's parameters.
  let parameters: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  /// Bytes to try the kernel on, as many as a piece may have.
  let trial: UnsafeMutablePointer<UInt8>

  /// How much memory it takes, in bytes.
  static let byteCount = 256 << 10

  /// Lays everything out, and writes the parameters, which are the same for each launch.
  ///
  /// - Parameters:
  ///   - base: `byteCount` bytes.
  ///   - pattern: One period of the pattern.
  init(at base: UnsafeMutableRawPointer, for pattern: [UInt8]) {
    var rest = unsafe Rest(place: base, byteCount: Self.byteCount)
    unsafe pieces = rest.take(GPUComparison.capacity)
    unsafe wrongByteCounts = rest.take(GPUComparison.capacity)
    unsafe mismatches = rest.take(GPUComparison.capacity * ComparisonKernel.mismatchLimit)
    unsafe trial = rest.take(ComparisonKernel.pieceLimit)

    // In the order in which the kernel declares them.
    let addresses: UnsafeMutablePointer<UInt64> = unsafe rest.take(3)
    let period: UnsafeMutablePointer<UInt32> = unsafe rest.take(1)
    let words: UnsafeMutablePointer<UInt32> = unsafe rest.take(ComparisonKernel.wordCount)
    unsafe addresses[0] = UInt64(UInt(bitPattern: pieces))
    unsafe addresses[1] = UInt64(UInt(bitPattern: wrongByteCounts))
    unsafe addresses[2] = UInt64(UInt(bitPattern: mismatches))
    unsafe period.pointee = UInt32(pattern.count)
    for (phase, word) in ComparisonKernel.words(of: pattern).enumerated() {
      unsafe words[phase] = word
    }
    unsafe parameters = rest.take(5)
    for place in 0..<3 {
      unsafe parameters[place] = UnsafeMutableRawPointer(addresses + place)
    }
    unsafe parameters[3] = UnsafeMutableRawPointer(period)
    unsafe parameters[4] = UnsafeMutableRawPointer(words)
  }

  /// Memory that is not dealt out yet.
  @safe private struct Rest {
    var place: UnsafeMutableRawPointer
    var byteCount: Int

    /// Takes room for some values, and makes it all zero.
    mutating func take<Value: BitwiseCopyable>(_ count: Int) -> UnsafeMutablePointer<Value> {
      let size = (count * MemoryLayout<Value>.stride + 15) / 16 * 16
      precondition(size <= byteCount)
      defer {
        unsafe place += size
        byteCount -= size
      }
      unsafe place.initializeMemory(as: UInt8.self, repeating: 0, count: size)
      return unsafe place.bindMemory(to: Value.self, capacity: count)
    }
  }
}
