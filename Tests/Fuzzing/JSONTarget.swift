// SPDX-License-Identifier: GPL-2.0-only

import Kernel

/// Members of any kind with any values: the object is JSON on one line, and its strings are read as
/// they were.
@Sendable func writeJSON(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  var object = JSONObject()
  var strings: [String] = []
  while !input.isEmpty {
    switch input.byte() & 7 {
    case 0: object.add("number", input.integer(Int.self))
    case 1:
      object.add(
        "fraction", Double(bitPattern: input.integer()), decimals: Int(input.byte() % 9) + 1)
    case 2:
      var inner = JSONObject()
      strings.append(input.text())
      inner.add("text", strings.last)
      object.add("object", inner)
    case 3:
      strings += [input.text(), input.text()]
      object.add("texts", Array(strings.suffix(2)))
    case 4: object.add("nothing", nil as Bool?)
    case 5: object.add("numbers", [input.integer(Int.self), -1])
    default:
      strings.append(input.text())
      object.add("text", strings.last)
    }
  }
  let found = try requireJSON(object.text)
  try require(found == strings, "\(found) is read, not \(strings)")
}

/// Fails unless a text is one line and JSON (RFC 8259).
///
/// - Returns: The strings that are values, in order.
@discardableResult
func requireJSON(_ text: String) throws(Finding) -> [String] {
  try require(!text.utf8.contains(10), "more than one line")
  var reader = JSONReader(rest: Array(text.utf8)[...])
  do throws(JSONReader.Defect) {
    try reader.readValue(depth: 0)
    guard reader.rest.isEmpty else { throw JSONReader.Defect() }
  } catch {
    throw Finding(description: "no JSON at \(reader.rest.count) bytes from the end of \(text)")
  }
  return reader.strings
}

/// Reads JSON by its grammar, and nothing else.
private struct JSONReader {
  struct Defect: Error {}

  var rest: ArraySlice<UInt8>
  private(set) var strings: [String] = []

  mutating func readValue(depth: Int) throws(Defect) {
    skipSpace()
    switch rest.first {
    case UInt8(ascii: "{"):
      try readMembers(until: UInt8(ascii: "}"), depth) { reader throws(Defect) in
        reader.skipSpace()
        _ = try reader.readString()
        reader.skipSpace()
        try reader.take(":")
      }
    case UInt8(ascii: "["):
      try readMembers(until: UInt8(ascii: "]"), depth) { _ throws(Defect) in }
    case UInt8(ascii: "\""): strings.append(try readString())
    case UInt8(ascii: "t"): try take("true")
    case UInt8(ascii: "f"): try take("false")
    case UInt8(ascii: "n"): try take("null")
    default: try readNumber()
    }
    skipSpace()
  }

  private mutating func readMembers(
    until end: UInt8, _ depth: Int, _ readName: (inout JSONReader) throws(Defect) -> Void
  ) throws(Defect) {
    guard depth < 8 else { throw Defect() }
    rest.removeFirst()
    skipSpace()
    if rest.first == end {
      rest.removeFirst()
      return
    }
    while true {
      try readName(&self)
      try readValue(depth: depth + 1)
      guard let next = rest.popFirst() else { throw Defect() }
      if next == end { return }
      guard next == UInt8(ascii: ",") else { throw Defect() }
    }
  }

  private mutating func readString() throws(Defect) -> String {
    try take("\"")
    var bytes: [UInt8] = []
    while true {
      guard let byte = rest.popFirst(), byte >= 0x20 else { throw Defect() }
      if byte == UInt8(ascii: "\"") { break }
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "\""): bytes.append(UInt8(ascii: "\""))
      case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "u"):
        guard rest.count >= 4,
          let value = UInt8(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16)
        else { throw Defect() }
        rest = rest.dropFirst(4)
        bytes.append(value)
      default: throw Defect()
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Defect() }
    return text
  }

  private mutating func readNumber() throws(Defect) {
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    let whole = readDigits()
    guard whole.count > 0, whole.count == 1 || whole.first != UInt8(ascii: "0") else {
      throw Defect()
    }
    guard rest.first == UInt8(ascii: ".") else { return }
    rest.removeFirst()
    guard readDigits().count > 0 else { throw Defect() }
  }

  private mutating func readDigits() -> ArraySlice<UInt8> {
    let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    rest = rest.dropFirst(digits.count)
    return digits
  }

  private mutating func skipSpace() {
    rest = rest.drop { $0 == UInt8(ascii: " ") }
  }

  private mutating func take(_ word: String) throws(Defect) {
    guard rest.starts(with: word.utf8) else { throw Defect() }
    rest = rest.dropFirst(word.utf8.count)
  }
}
