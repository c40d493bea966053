// SPDX-License-Identifier: GPL-2.0-only

/// An input, taken from its start. Behind its end there are zeros, so that each input is one of any
/// form.
struct Input {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  /// An integer, the lowest byte first.
  mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) -> Value {
    var value: Value = 0
    for place in 0..<Value.bitWidth / 8 {
      value |= Value(truncatingIfNeeded: byte()) << Value(truncatingIfNeeded: place * 8)
    }
    return value
  }

  /// An integer with a preference for small ones: one byte, or behind `0xff` all of its bytes.
  mutating func number<Value: FixedWidthInteger>(_: Value.Type = Value.self) -> Value {
    let first = byte()
    return first == 0xff ? integer() : Value(truncatingIfNeeded: first)
  }

  /// So many bytes, or those that are left.
  mutating func bytes(_ count: Int) -> [UInt8] {
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// Bytes behind their number.
  mutating func piece() -> [UInt8] { bytes(Int(number(UInt16.self))) }

  /// All that is left.
  mutating func all() -> [UInt8] {
    defer { rest = [] }
    return Array(rest)
  }

  /// A text behind its number of bytes.
  mutating func text() -> String { String(decoding: piece(), as: UTF8.self) }
}
