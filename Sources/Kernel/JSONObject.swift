// SPDX-License-Identifier: GPL-2.0-only

/// A JSON object (RFC 8259) on one line, its members in the order added. Foundation's encoder would
/// more than double the program's size.
package struct JSONObject {
  private var members: [String] = []

  /// An object without members.
  package init() {}

  /// The object as JSON.
  package var text: String { "{" + members.joined(separator: ", ") + "}" }

  /// Adds a string, or null.
  package mutating func add(_ name: String, _ value: String?) { insert(name, value?.quoted) }

  /// Adds a number, or null.
  package mutating func add(_ name: String, _ value: Int?) {
    insert(name, value.map(String.init))
  }

  /// Adds a truth value, or null.
  package mutating func add(_ name: String, _ value: Bool?) { insert(name, value.map { "\($0)" }) }

  /// Adds a number, or null.
  package mutating func add(_ name: String, _ value: Double?, decimals: Int) {
    insert(name, value.map { $0.formatted(decimals) })
  }

  /// Adds an object, or null.
  package mutating func add(_ name: String, _ value: JSONObject?) { insert(name, value?.text) }

  /// Adds an array of objects.
  package mutating func add(_ name: String, _ values: [JSONObject]) {
    insert(name, values.map(\.text))
  }

  /// Adds an array of strings.
  package mutating func add(_ name: String, _ values: [String]) {
    insert(name, values.map(\.quoted))
  }

  /// Adds an array of numbers.
  package mutating func add(_ name: String, _ values: [Int]) {
    insert(name, values.map(String.init))
  }

  /// Adds the members of another object.
  package mutating func add(contentsOf other: JSONObject) { members += other.members }

  private mutating func insert(_ name: String, _ elements: [String]) {
    insert(name, "[" + elements.joined(separator: ", ") + "]")
  }

  /// Adds what is JSON already.
  private mutating func insert(_ name: String, _ text: String?) {
    members.append("\"\(name)\": \(text ?? "null")")
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
  /// The number with so many digits, at least one, behind the point. What 64 bits do not hold, in
  /// units of the last digit, becomes the nearest number that they do; what is no number, the
  /// largest one.
  package func formatted(_ decimals: Int) -> String {
    let scale = (0..<decimals).reduce(1) { power, _ in power * 10 }
    let exact = (self * Double(scale)).rounded()
    let scaled = Int(exactly: exact) ?? (exact < 0 ? .min : .max)
    let fraction = String(scaled.magnitude % UInt(scale))
    let zeros = String(repeating: "0", count: decimals - fraction.count)
    return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / UInt(scale)).\(zeros)\(fraction)"
  }
}
