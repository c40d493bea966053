// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

struct SinkTests {
  @Test("a wrong byte is reported with its place in stream, fragment, token and page")
  func describesMismatch() throws {
    let report = Report()
    var sink = ValidatingSink(try #require(Pattern(period: 7)), report: report.add)
    let fragment = Fragment(offset: UInt64(pageSize) - 2, size: 4, token: 33, binding: 1)
    try take([1, 2, 3, 4], into: &sink, from: .fragment(fragment, index: 0))
    try take([5, 6, 10, 9], into: &sink, from: .fragment(fragment, index: 1))
    try take([2, 0], into: &sink, from: .linear)
    #expect(
      report.lines == [
        "wrong byte at 7: expected 1, got 9 (fragment 1, token 33, page 1)",
        "wrong byte at 9: expected 3, got 0 (linear part)",
      ])
    let wrong = sink.wrongByteCount
    #expect(wrong == 2)
  }

  @Test("no more than 20 wrong bytes are reported")
  func limitsReport() throws {
    let report = Report()
    var sink = ValidatingSink(try #require(Pattern(period: 7)), report: report.add)
    for _ in 0..<30 { try take([0], into: &sink, from: .plain) }
    #expect(report.lines.count == 20)
    let wrong = sink.wrongByteCount
    #expect(wrong == 30)
  }

  @Test("a sample checks the first of every so many pieces, at its place in the stream")
  func checksSample() throws {
    let report = Report()
    var sink = ValidatingSink(try #require(Pattern(period: 7)), every: 3, report: report.add)
    for piece: [UInt8] in [[1, 2], [0], [0, 0], [6, 10, 1], [0], [0], [5], [0]] {
      try take(piece, into: &sink, from: .plain)
    }
    #expect(report.lines == ["wrong byte at 10: expected 4, got 5 (plain frame)"])
    let (wrong, checked) = (sink.wrongByteCount, sink.checkedByteCount)
    #expect(wrong == 1)
    #expect(checked == 6)
  }

  @Test("pieces come out in order, whatever the reader's pace", .timeLimit(.minutes(1)))
  func writesThroughPipe() async throws {
    let output = try Pipe()
    let stop = try Pipe()
    _ = fcntl(output.writer.rawValue, F_SETFL, O_NONBLOCK)
    let expected = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let reader = output.reader.rawValue
    async let received = read(expected.count, from: reader)

    var sink = OutputSink(
      to: output.writer.borrowed, Wait(orStoppedBy: stop.reader.borrowed))
    let bytes = unsafe expected.span.bytes
    var start = 0
    var size = 1
    // More pieces than one `writev` takes, small ones and some larger than the pipe.
    while start < bytes.byteCount {
      let end = min(start + size, bytes.byteCount)
      try sink.take(bytes.extracting(start..<end), from: .linear)
      start = end
      size = start % 50_000 < 2_000 ? 7 : 1 + size * 5 % 90_001
    }
    try sink.release()
    #expect(await received == expected)
  }

  @Test("a full disk fails the write")
  func failsOnFullDisk() throws {
    let full = try OwnedDescriptor(opening: "/dev/full", .writing)
    let failure = try write(1, to: full, stopped: false)
    #expect(failure?.errno == .noSpace)
  }

  @Test("a stop ends the wait for a reader that does not read")
  func stopsWaiting() throws {
    let output = try Pipe()
    _ = fcntl(output.writer.rawValue, F_SETFL, O_NONBLOCK)
    let failure = try write(1 << 20, to: output.writer, stopped: true)
    #expect(failure?.kind == .stopped)
  }

  /// Writes so many bytes and gives the failure, if there is one.
  private func write(
    _ count: Int, to descriptor: borrowing OwnedDescriptor, stopped: Bool
  ) throws -> Failure? {
    let stop = try Pipe()
    if stopped { try stop.write([1]) }
    var sink = OutputSink(to: descriptor.borrowed, Wait(orStoppedBy: stop.reader.borrowed))
    let bytes = [UInt8](repeating: 0, count: count)
    do throws(Failure) {
      try sink.take(unsafe bytes.span.bytes, from: .linear)
      try sink.release()
      return nil
    } catch {
      return error
    }
  }

  private func read(_ count: Int, from descriptor: CInt) async -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 3000)
    while all.count < count {
      let size = buffer.count
      let got = unsafe Glibc.read(descriptor, &buffer, size)
      guard got > 0 else { break }
      all += buffer.prefix(got)
    }
    return all
  }

  private func take<Sink: PayloadSink & ~Copyable>(
    _ bytes: [UInt8], into sink: inout Sink, from origin: PieceOrigin
  ) throws {
    unsafe try sink.take(bytes.span.bytes, from: origin)
  }
}

/// Keeps the lines that a sink reports.
private final class Report {
  private(set) var lines: [String] = []

  func add(_ line: String) { lines.append(line) }
}
