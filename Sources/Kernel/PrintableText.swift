// SPDX-License-Identifier: GPL-2.0-only

extension String {
  /// The text as it can be shown within a line: control characters are written as `\x0a`.
  ///
  /// - Parameter others: What else is written so.
  func printable(besides others: String = "") -> String {
    unicodeScalars.reduce(into: "") { text, scalar in
      let isControl = scalar < " " || ("\u{7f}"..."\u{9f}").contains(scalar)
      if isControl || others.unicodeScalars.contains(scalar) {
        let digits = String(scalar.value, radix: 16)
        text += "\\x" + (digits.count < 2 ? "0" : "") + digits
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }
}
