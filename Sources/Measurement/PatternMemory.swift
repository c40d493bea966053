// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Payload
internal import Transfer

/// Memory that holds a pattern, long enough for a piece that begins at any phase of it. It is
/// written once: as the payload repeats, the kernel may be sending from all of it all the time.
@safe package final class PatternMemory: @unchecked Sendable {
  let period: Int
  /// The most bytes that one send takes.
  let pieceSize: Int
  /// The pattern in host memory; `nil` where device memory has it.
  let host: HostMemory?

  /// The most bytes that one send takes: as many as a full socket is relieved of at once.
  private static let pieceLimit = 256 << 10

  /// Writes a pattern into host memory.
  package init(_ pattern: Pattern) throws(Failure) {
    period = pattern.period
    pieceSize = Self.pieceLimit
    var memory = try HostMemory(byteCount: pieceSize + period)
    _ = try memory.writing(0..<memory.byteCount) { bytes in
      PatternGenerator(pattern).fill(&bytes)
      return bytes.byteCount
    }
    host = memory
  }

  /// Writes a pattern into device memory.
  package init(_ pattern: Pattern, into memory: inout DeviceBuffer) throws(Failure) {
    period = pattern.period
    let size = min(memory.byteCount, Self.pieceLimit + period)
    guard size > period else {
      throw Failure(
        "send from \(memory.byteCount) bytes", reason: "the pattern alone has \(period)",
        hint: "give it more (--memory-size)", kind: .usage)
    }
    pieceSize = size - period
    host = nil
    _ = try memory.writing(0..<size) { bytes in
      PatternGenerator(pattern).fill(&bytes)
      return size
    }
  }
}
