// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Sockets
import TestSupport
import Testing
import Transfer

struct InputSourceTests {
  /// Reads once, into so much room.
  private func read(
    from descriptor: Descriptor, _ wait: Wait = Wait(until: .now.advanced(by: .seconds(10))),
    room: Int = 4
  ) throws(Failure) -> [UInt8] {
    var source = InputSource(from: descriptor, wait)
    var buffer = [UInt8](repeating: 0, count: room)
    var span = buffer.mutableSpan
    var bytes = unsafe span.mutableBytes
    switch try source.read(into: &bytes, orUntil: nil) {
    case .bytes(let count): return Array(buffer[..<count])
    case .end: return []
    case .interrupted, .late: throw Failure("read without an interruption", reason: "interrupted")
    }
  }

  @Test("what there is is read, as much as fits, to the end")
  func reads() throws {
    let input = try Input([1, 2, 3, 4, 5])
    #expect(try read(from: input.reader) == [1, 2, 3, 4])
    #expect(try read(from: input.reader) == [5])
    input.end()
    #expect(try read(from: input.reader).isEmpty)
    #expect(try read(from: input.reader).isEmpty)
  }

  @Test("an input that has nothing is waited for until a stop or the deadline")
  func waits() throws {
    let input = try Input()
    let stop = try Event()
    stop.raise()
    let stopped = failing { () throws(Failure) in
      try read(from: input.reader, Wait(orStoppedBy: stop.descriptor))
    }
    #expect(stopped?.kind == .stopped)
    #expect(stopped?.operation == "read payload to send")
    let late = failing { () throws(Failure) in try read(from: input.reader, Wait(until: .now)) }
    #expect(late?.errno == .timedOut)
    input.end()
  }

  @Test("a read that fails is a failure")
  func fails() throws {
    let directory = try OwnedDescriptor(opening: "/tmp")
    let failure = failing { () throws(Failure) in try read(from: directory.borrowed) }
    #expect(failure?.errno == Errno(EISDIR))
  }

  @Test("an input that is ready and has nothing is waited for again")
  func triesAgain() throws {
    let loopback = try Loopback()
    let input = try Loopback.connect(to: loopback.address)
    let author = try loopback.accept()
    let writer = author.descriptor
    // A send without copies puts a notice on the error queue, for which `poll` returns as it does
    // for data.
    let byte = [UInt8(0)]
    let reader = input.descriptor
    try retrying { unsafe send(reader.rawValue, byte, 1, CInt(MSG_ZEROCOPY)) }
    #expect(try Wait().limited(to: .seconds(10)).for(reader, .errors, to: "wait"))
    let work = try BackgroundWork { () throws(Failure) in
      pause(for: .milliseconds(30))
      try attempt("write") { () throws(Errno) in _ = try writer.write([7]) }
    }
    #expect(try read(from: reader) == [7])
    try work.result().get()
    try author.finishSending()
    try input.finishSending()
  }

  @Test("what a socket has to report ends a wait, even before payload; so does a deadline")
  func isInterrupted() throws {
    let loopback = try Loopback()
    let socket = try Loopback.connect(to: loopback.address)
    _ = try loopback.accept()
    let input = try Input([1, 2])
    var source = InputSource(from: input.reader, Wait())
    var buffer = [UInt8](repeating: 0, count: 4)
    func read(orAt deadline: Instant?) throws(Failure) -> Reading {
      var span = buffer.mutableSpan
      var bytes = unsafe span.mutableBytes
      return try source.read(
        into: &bytes, orUntil: Interruption(by: socket.descriptor, orAt: deadline))
    }
    let later = Instant.now.advanced(by: .seconds(10))
    #expect(try read(orAt: later) == .bytes(2))
    #expect(try read(orAt: .now) == .late)
    let byte = [UInt8(0)]
    let descriptor = socket.descriptor
    try retrying { unsafe send(descriptor.rawValue, byte, 1, CInt(MSG_ZEROCOPY)) }
    #expect(try read(orAt: later) == .interrupted)
    input.end()
    #expect(try read(orAt: nil) == .interrupted)
  }

  /// A pipe to read from.
  private final class Input {
    private let owned: OwnedDescriptor
    private var pipe: Pipe?

    init(_ bytes: [UInt8] = []) throws {
      let pipe = try Pipe()
      owned = try OwnedDescriptor.duplicate(of: pipe.reader.borrowed)
      try pipe.write(bytes)
      self.pipe = consume pipe
    }

    var reader: Descriptor { owned.borrowed }

    func end() { pipe = nil }
  }
}
