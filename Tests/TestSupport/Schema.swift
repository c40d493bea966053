// SPDX-License-Identifier: GPL-2.0-only

internal import FoundationEssentials
internal import Kernel

/// Any JSON (RFC 8259).
package enum JSON: Decodable, Equatable {
  case null
  case truth(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// Reads any value.
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let truth = try? value.decode(Bool.self) {
      self = .truth(truth)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let array = try? value.decode([JSON].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: JSON].self))
    }
  }

  /// Reads a document.
  package init(_ text: String) throws {
    self = try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
  }

  /// A member of an object; `nil` where there is none.
  package subscript(_ name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members[name]
  }

  /// The elements of an array; none where it is none.
  package var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }

  /// The members of an object; none where it is none.
  package var members: [String: JSON] {
    if case .object(let members) = self { members } else { [:] }
  }

  /// The string; `nil` where it is none.
  package var string: String? { if case .string(let string) = self { string } else { nil } }

  /// The number, integer or not.
  package var value: Double? {
    switch self {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    default: nil
    }
  }
}

/// As much of JSON Schema (2020-12) as `share/schema/` uses. A keyword that it does not know is a
/// problem, too: nothing passes because nobody looked.
package struct Schema {
  private let root: JSON

  /// Reads a schema of this checkout.
  package init(_ name: String) throws {
    let checkout = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    root = try JSON(
      try SystemFiles().contents(of: checkout.joined(separator: "/") + "/share/schema/" + name))
  }

  /// Where a document is not as the schema says.
  package func problems(of document: JSON) -> [String] {
    problems(of: document, by: root, at: "document")
  }

  private func problems(of value: JSON, by schema: JSON, at place: String) -> [String] {
    schema.members.flatMap { keyword, rule -> [String] in
      switch keyword {
      case "$schema", "$comment", "$defs", "title", "then", "else": []
      case "$ref":
        problems(of: value, by: definition(rule), at: place)
      case "allOf":
        rule.elements.flatMap { problems(of: value, by: $0, at: place) }
      case "if":
        problems(
          of: value,
          by: schema[problems(of: value, by: rule, at: place).isEmpty ? "then" : "else"] ?? .null,
          at: place)
      case "properties", "required", "additionalProperties":
        problems(ofObject: value, by: schema, keyword, at: place)
      case "items":
        value.elements.enumerated().flatMap {
          problems(of: $1, by: rule, at: "\(place)[\($0)]")
        }
      default:
        isRight(value, by: rule, keyword) ? [] : ["\(place) is \(value): \(keyword)"]
      }
    }
  }

  private func problems(
    ofObject value: JSON, by schema: JSON, _ keyword: String, at place: String
  ) -> [String] {
    let known = schema["properties"]?.members ?? [:]
    switch keyword {
    case "properties":
      return known.flatMap { name, rule in
        value[name].map { problems(of: $0, by: rule, at: "\(place).\(name)") } ?? []
      }
    case "required":
      let required = schema["required"]?.elements.compactMap(\.string) ?? []
      guard case .object = value else { return [] }
      return required.filter { value[$0] == nil }.map { "\(place) lacks \($0)" }
    default:
      return value.members.keys.filter { known[$0] == nil }.map { "\(place) has \($0)" }
    }
  }

  private func isRight(_ value: JSON, by rule: JSON, _ keyword: String) -> Bool {
    switch keyword {
    case "const": value == rule
    case "enum": rule.elements.contains(value)
    case "minimum": value.value.map { $0 >= rule.value ?? .infinity } ?? true
    case "maximum": value.value.map { $0 <= rule.value ?? -.infinity } ?? true
    case "type":
      (rule.elements + [rule]).compactMap(\.string).contains { isOf($0, value) }
    default: false
    }
  }

  private func isOf(_ type: String, _ value: JSON) -> Bool {
    switch value {
    case .null: type == "null"
    case .truth: type == "boolean"
    case .integer: type == "integer" || type == "number"
    case .number: type == "number"
    case .string: type == "string"
    case .array: type == "array"
    case .object: type == "object"
    }
  }

  private func definition(_ reference: JSON) -> JSON {
    let name = reference.string?.split(separator: "/").last.map(String.init) ?? ""
    return root["$defs"]?[name] ?? .object(["missing": .string(name)])
  }
}
