// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

extension FixedWidthInteger where Self: BitwiseCopyable {
  /// The integer's bytes in the host's order.
  var bytes: [UInt8] { [UInt8](of: self) }
}

extension [UInt32] {
  /// Reads integers in the host's order; bytes behind the last whole one are ignored.
  init(inHostOrder bytes: ArraySlice<UInt8>) {
    self = stride(from: bytes.startIndex, to: bytes.endIndex, by: 4).compactMap {
      bytes[$0...].value(as: UInt32.self)
    }
  }
}

extension String {
  /// Reads the text in a field of fixed size, up to its first zero.
  init(zeroTerminated field: ArraySlice<UInt8>) {
    self.init(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }
}

extension [UInt8] {
  /// The bytes in base 16, two digits each.
  var hexadecimal: String {
    map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  /// Reads what `hexadecimal` writes; `nil` for a text that is no such bytes.
  init?(hexadecimal text: String) {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    self = []
    for start in stride(from: 0, to: digits.count, by: 2) {
      let pair = String(decoding: digits[start..<start + 2], as: UTF8.self)
      guard let byte = UInt8(pair, radix: 16) else { return nil }
      append(byte)
    }
  }
}
