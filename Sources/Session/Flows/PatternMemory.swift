// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload

/// Memory that holds a pattern, at any phase of which there is a stretch to be sent from. It is
/// written once: as the payload repeats, the kernel may be sending from all of it all the time.
@safe final class PatternMemory: @unchecked Sendable {
  let period: Int
  /// The most bytes that one send takes.
  let stretch: Int
  /// The pattern in host memory, to be sent by copying; empty where device memory has it.
  let bytes: [UInt8]

  /// The most bytes that one send takes: as many as a full socket is relieved of at once.
  private static let stretchLimit = 256 << 10

  /// Writes a pattern into host memory.
  init(_ pattern: Pattern) {
    period = pattern.period
    stretch = Self.stretchLimit
    var bytes = [UInt8](repeating: 0, count: stretch + period)
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    PatternGenerator(pattern).fill(&raw)
    self.bytes = bytes
  }

  /// Writes a pattern into device memory.
  init(_ pattern: Pattern, into memory: inout DeviceBuffer) throws(Failure) {
    period = pattern.period
    let size = min(memory.byteCount, Self.stretchLimit + period)
    guard size > period else {
      throw Failure(
        "send from \(memory.byteCount) bytes", reason: "the pattern alone has \(period)",
        hint: "give it more (--memory-size)", kind: .usage)
    }
    stretch = size - period
    bytes = []
    try memory.beginWriting()
    var span = memory.mutableBytes(in: 0..<size)
    PatternGenerator(pattern).fill(&span)
    try memory.endWriting(0..<size)
  }
}
