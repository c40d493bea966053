// SPDX-License-Identifier: GPL-2.0-only

/// A JSON object (RFC 8259) on one line, its members in the order added. Foundation's encoder would
/// more than double the program's size.
package struct JSONObject {
  private var members: [String] = []

  package init() {}

  package var text: String { "{" + members.joined(separator: ", ") + "}" }

  mutating func add(_ name: String, _ value: Int) { members.append("\"\(name)\": \(value)") }

  package mutating func add(_ name: String, _ value: Bool) {
    members.append("\"\(name)\": \(value)")
  }

  package mutating func add(_ name: String, _ value: String) {
    members.append("\"\(name)\": \(value.quoted)")
  }

  package mutating func add(_ name: String, _ values: [JSONObject]) {
    let list = values.map(\.text).joined(separator: ", ")
    members.append("\"\(name)\": [\(list)]")
  }

  mutating func add(_ name: String, _ value: Double, decimals: Int) {
    members.append("\"\(name)\": \(value.formatted(decimals))")
  }
}

extension String {
  /// The text in quotation marks, with what must be escaped (RFC 8259, section 7).
  fileprivate var quoted: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return "\"\(text)\""
  }
}

extension Double {
  /// The number with so many digits, at least one, behind the point.
  func formatted(_ decimals: Int) -> String {
    let scale = (0..<decimals).reduce(1) { power, _ in power * 10 }
    let scaled = Int((self * Double(scale)).rounded())
    let fraction = String(scaled.magnitude % UInt(scale))
    let zeros = String(repeating: "0", count: decimals - fraction.count)
    return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt(scale)).\(zeros)\(fraction)"
  }
}
