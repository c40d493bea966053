// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import TestSupport

/// Members of any kind with any values: the object is JSON on one line, and is read as what was
/// written. Of fractions, which are rounded, only that they are numbers.
@Sendable func writeJSON(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  var object = JSONObject()
  var expected: [String: JSON] = [:]
  var fractions: [String] = []
  while !input.isEmpty {
    let name = "m\(expected.count + fractions.count)"
    switch input.byte() & 7 {
    case 0:
      let number = input.integer(Int.self)
      object.add(name, number)
      expected[name] = .integer(number)
    case 1:
      object.add(name, Double(bitPattern: input.integer()), decimals: Int(input.byte() % 9) + 1)
      fractions.append(name)
    case 2:
      var inner = JSONObject()
      let text = input.text()
      inner.add("text", text)
      object.add(name, inner)
      expected[name] = .object(["text": .string(text)])
    case 3:
      let texts = [input.text(), input.text()]
      object.add(name, texts)
      expected[name] = .array(texts.map(JSON.string))
    case 4:
      object.add(name, nil as Bool?)
      expected[name] = .null
    case 5:
      let number = input.integer(Int.self)
      object.add(name, [number, -1])
      expected[name] = .array([.integer(number), .integer(-1)])
    default:
      let text = input.text()
      object.add(name, text)
      expected[name] = .string(text)
    }
  }
  var members = try readJSON(object.text).members
  for name in fractions {
    try require(members.removeValue(forKey: name)?.value != nil, "\(name) is no number")
  }
  try require(members == expected, "\(members) is read, not \(expected)")
}

/// Reads a text, which must be one line and JSON (RFC 8259).
@discardableResult
func readJSON(_ text: String) throws(Finding) -> JSON {
  try require(!text.utf8.contains(10), "more than one line")
  do {
    return try JSON(text)
  } catch {
    throw Finding(description: "no JSON (\(error)): \(text)")
  }
}
