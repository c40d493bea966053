// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct JSONObjectTests {
  @Test(
    "characters that a string must not contain are escaped, all others are kept",
    arguments: [
      ("plain", #""plain""#), (#"a "b" \c"#, #""a \"b\" \\c""#),
      ("tab\tline\n\u{1f}", #""tab\u0009line\u000a\u001f""#), ("\u{7f}é/", "\"\u{7f}é/\""),
      ("\r\n", #""\u000d\u000a""#), ("", #""""#),
    ])
  func escapes(text: String, quoted: String) {
    var object = JSONObject()
    object.add("name", text)
    #expect(object.text == #"{"name": \#(quoted)}"#)
  }

  @Test("objects are listed in an object, in order")
  func nests() {
    var outer = JSONObject()
    outer.add("none", [JSONObject]())
    var one = JSONObject()
    one.add("is", true)
    var other = JSONObject()
    other.add("word", "x")
    outer.add("some", [one, other])
    #expect(outer.text == #"{"none": [], "some": [{"is": true}, {"word": "x"}]}"#)
  }

  @Test(
    "a number is rounded to its digits; what 64 bits do not hold is the nearest that they do",
    arguments: [
      (0, "0.000"), (-1.0005, "-1.001"), (1e15, "1000000000000000.000"),
      (9.3e15, "9223372036854775.807"), (-9.3e15, "-9223372036854775.808"),
      (.infinity, "9223372036854775.807"), (.nan, "9223372036854775.807"),
      (-.greatestFiniteMagnitude, "-9223372036854775.808"),
    ] as [(Double, String)])
  func formats(number: Double, text: String) { #expect(number.formatted(3) == text) }
}
