// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import TestSupport
import Testing

struct LineOutputTests {
  @Test("a reader who does not read is waited for once, then lines are dropped, and counted")
  func stalls() throws {
    let pipe = try Pipe()
    let room = try pipe.shrink()
    var output = LineOutput(to: pipe.writer.borrowed, patience: .milliseconds(800))
    let line = String(repeating: "x", count: 1023)
    for _ in 0..<room / 1024 { output.write(line) }
    let start = Instant.now
    output.write("first")
    #expect(Instant.now.since(start) >= .milliseconds(800))
    let later = Instant.now
    output.write("second")
    #expect(Instant.now.since(later) < .milliseconds(700))
    let full = try pipe.reader.textThatWaits()
    #expect(full == String(repeating: line + "\n", count: room / 1024))
    output.write("third")
    #expect(
      try pipe.reader.textThatWaits()
        == "ncdevmem: 2 lines are missing here: there was no reader\nthird\n")
  }

  @Test("a stop ends the wait, and all waits after it", arguments: [false, true])
  func stops(isLost: Bool) throws {
    let pipe = try Pipe()
    let stop = try Pipe()
    let room = try pipe.shrink()
    var output = LineOutput(to: pipe.writer.borrowed, patience: .seconds(60))
    output.watch(stop.reader.borrowed)
    output.write(String(repeating: "x", count: room - 1))
    try stop.write([1])
    let start = Instant.now
    if !isLost { output.write("lost") }
    // The signal is taken, which the end of the watch must not forget.
    output.watch(nil)
    output.write("lost, too")
    _ = try pipe.reader.textThatWaits()
    output.write("read")
    output.write(String(repeating: "x", count: room))
    output.write("lost as well")
    #expect(Instant.now.since(start) < .seconds(10))
    #expect(try pipe.reader.textThatWaits().contains("missing here: there was no reader\nread\n"))
  }

  @Test("a line that was begun is ended before another one begins")
  func keepsLinesWhole() throws {
    let pipe = try Pipe()
    let room = try pipe.shrink()
    var output = LineOutput(to: pipe.writer.borrowed)
    output.neverWait()
    let long = String(repeating: "y", count: 2 * room)
    output.write(long)
    output.write("dropped")
    let begun = try pipe.reader.textThatWaits()
    #expect(begun == String(repeating: "y", count: room))
    output.write("dropped, too")
    let next = try pipe.reader.textThatWaits()
    #expect(begun + next == long)
    output.write("last")
    #expect(
      try pipe.reader.textThatWaits()
        == "\nncdevmem: 2 lines are missing here: there was no reader\nlast\n")
  }

  @Test("a socket whose peer does not read holds nothing up, and blocks others as before")
  func socket() throws {
    var ends: [CInt] = [-1, -1]
    try retrying { unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) }
    let reader = OwnedDescriptor(owning: ends[0])
    let writer = OwnedDescriptor(owning: ends[1])
    var output = LineOutput(to: writer.borrowed)
    output.neverWait()
    let start = Instant.now
    for _ in 0..<200 { output.write(String(repeating: "z", count: 100_000)) }
    #expect(Instant.now.since(start) < .seconds(10))
    #expect(fcntl(writer.rawValue, F_GETFL) & O_NONBLOCK == 0)
    _ = reader.rawValue
  }

  @Test("a file keeps its offset, and what others appended")
  func file() throws {
    let directory = try Directory()
    try directory.write("", to: "log")
    let file = try OwnedDescriptor(opening: directory.path + "/log", .writing)
    _ = try file.borrowed.write("before\n".utf8)
    var output = LineOutput(to: file.borrowed)
    output.write("line")
    #expect(directory.read("log") == "before\nline\n")
  }

  @Test("nobody who reads is no failure")
  func noReader() async throws {
    await #expect(processExitsWith: .success) {
      _ = signal(SIGPIPE, SIG_IGN)
      let writer = try {
        let pipe = try Pipe()
        return try OwnedDescriptor.duplicate(of: pipe.writer.borrowed)
      }()
      var output = LineOutput(to: writer.borrowed)
      output.write("line")
      output.write("line")
    }
  }

  @Test("a line that must not be lost is written whole, or its loss is an error")
  func delivers() async throws {
    let pipe = try Pipe()
    let room = try pipe.shrink()
    var output = LineOutput(to: pipe.writer.borrowed, patience: .milliseconds(50))
    try output.deliver("line")
    #expect(try pipe.reader.textThatWaits() == "line\n")
    // Cut, and then not begun.
    for _ in 0..<2 {
      let error = #expect(throws: Errno.self) {
        try output.deliver(String(repeating: "x", count: room))
      }
      #expect(error == .tryAgain)
    }
    _ = try pipe.reader.textThatWaits()
    try output.deliver("line")
    #expect(try pipe.reader.textThatWaits().hasSuffix("\nline\n"))
    let full = try OwnedDescriptor(opening: "/dev/full", .writing)
    var nowhere = LineOutput(to: full.borrowed)
    nowhere.write("line")
    let error = #expect(throws: Errno.self) { try nowhere.deliver("line") }
    #expect(error == .noSpace)
  }
}
