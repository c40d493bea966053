// SPDX-License-Identifier: GPL-2.0-only

/// The payload that both ends agree on: the byte values 1, 2, ... `period` - 1, then a newline,
/// again and again from the first byte of the stream. A newline in the place of every zero lets a
/// sender write it with `yes`.
package struct Pattern: Hashable, Sendable {
  /// The possible periods. A period of 256 uses up the values of a byte; the C tool's counter, a
  /// byte as well, takes anything greater for 256, and after a period of 1 it demands the values up
  /// to 255 once and newlines for ever.
  package static let periods = 2...256

  /// The letters a to z, which the kernel's `iou-zcrx` sends and expects.
  package static let alphabet = Pattern(period: 26, isOfLetters: true)

  /// After how many bytes the pattern repeats; one of `periods`.
  package let period: Int

  private let isOfLetters: Bool

  /// Gives `nil` unless the period is one of `periods`.
  package init?(period: Int) {
    guard Self.periods.contains(period) else { return nil }
    self.init(period: period, isOfLetters: false)
  }

  private init(period: Int, isOfLetters: Bool) {
    self.period = period
    self.isOfLetters = isOfLetters
  }

  /// One period of it, from the start of the stream.
  package var bytes: [UInt8] { (0..<period).map(byte) }

  /// The byte at an offset from the start of the stream.
  package func byte(at offset: Int) -> UInt8 {
    let phase = offset % period
    if isOfLetters { return UInt8(ascii: "a") + UInt8(phase) }
    return phase == period - 1 ? UInt8(ascii: "\n") : UInt8(phase + 1)
  }
}
