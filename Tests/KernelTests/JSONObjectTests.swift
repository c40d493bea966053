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
}
