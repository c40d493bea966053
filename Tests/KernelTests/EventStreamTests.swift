// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import TestSupport
import Testing

struct EventStreamTests {
  private func data(_ number: Int) -> JSONObject {
    var data = JSONObject()
    data.add("number", number)
    return data
  }

  @Test("each event is a line, and the run's document the last one")
  func prints() throws {
    let pipe = try Pipe()
    let stream = EventStream(to: pipe.writer.borrowed)
    stream.print("start", data(1))
    try stream.end(with: data(2))
    let text = try pipe.reader.textThatWaits()
    #expect(
      text == """
        {"event": "start", "data": {"number": 1}}
        {"event": "end", "data": {"number": 2}}

        """)
  }

  @Test("a last event that cannot be written is a failure")
  func findsLoss() throws {
    let stream = EventStream(to: Descriptor(-1))
    stream.print("start", data(1))
    let failure = failing { () throws(Failure) in try stream.end(with: data(2)) }
    #expect(failure?.operation == "write to the standard output")
    #expect(failure?.errno == .badDescriptor)
  }

  @Test("events for which there is no room are counted in one of their own")
  func countsMissing() throws {
    let pipe = try Pipe()
    let room = try pipe.shrink()
    let stream = EventStream(to: pipe.writer.borrowed, patience: .milliseconds(10))
    var long = JSONObject()
    long.add("text", String(repeating: "x", count: room - 100))
    stream.print("interval", long)
    for _ in 0..<3 { stream.print("interval", long) }
    let failure = failing { () throws(Failure) in try stream.end(with: long) }
    #expect(failure?.errno == .tryAgain)
    _ = try pipe.reader.textThatWaits()
    // What was begun is ended first.
    stream.print("interval", data(3))
    try stream.end(with: data(4))
    let lines = try pipe.reader.textThatWaits().split(separator: "\n").suffix(3)
      .map { try JSON(String($0)) }
    let events = lines.map { $0["event"]?.string }
    #expect(events == ["missing", "interval", "end"])
    let problems = try Schema("stream.json").problems(of: lines[0])
    #expect(problems.isEmpty)
  }
}
