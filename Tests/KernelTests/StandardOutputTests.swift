// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Sockets
import TestSupport
import Testing

struct StandardOutputTests {
  private func isBlocking(_ descriptor: Descriptor) -> Bool {
    fcntl(descriptor.rawValue, F_GETFL) & O_NONBLOCK == 0
  }

  @Test("a pipe whose reader does not read holds nothing up, and blocks others as before")
  func reopensPipe() throws {
    let pipe = try Pipe()
    let output = StandardOutput(pipe.writer.borrowed)
    let descriptor = output.descriptor
    #expect(descriptor != pipe.writer.borrowed)
    try #require(!isBlocking(descriptor))
    #expect(throws: Errno.tryAgain) {
      while true { _ = try descriptor.write([UInt8](repeating: 0, count: 4096)) }
    }
    #expect(isBlocking(pipe.writer.borrowed))
    _ = consume output
  }

  @Test("a file keeps its offset")
  func keepsFile() throws {
    let directory = try Directory()
    try directory.write("", to: "output")
    let file = try OwnedDescriptor(opening: directory.path + "/output", .writing)
    _ = try file.borrowed.write([97, 98])
    let output = StandardOutput(file.borrowed)
    let descriptor = output.descriptor
    #expect(descriptor == file.borrowed)
    _ = try descriptor.write([99])
    #expect(directory.read("output") == "abc")
    _ = consume output
  }

  @Test("what cannot be opened afresh is written to as it is")
  func keepsSocket() throws {
    let loopback = try Loopback()
    let socket = try Loopback.connect(to: loopback.address)
    let output = StandardOutput(socket.descriptor)
    let descriptor = output.descriptor
    #expect(descriptor == socket.descriptor)
    let receiver = try loopback.accept()
    _ = try descriptor.write([1])
    try socket.finishSending()
    let bytes = try receiver.receiveAll()
    #expect(bytes == [1])
    _ = consume output
  }

  @Test("neither a device nor a file is opened afresh, and what it does not take is a failure")
  func keepsDevice() throws {
    let full = try OwnedDescriptor(opening: "/dev/full", .writing)
    let output = StandardOutput(full.borrowed)
    let descriptor = output.descriptor
    #expect(descriptor == full.borrowed)
    let failure = failing { () throws(Failure) in try output.write("lost", Wait()) }
    #expect(failure?.errno == .noSpace)
    #expect(failure?.operation == "write to the standard output")
  }

  @Test("a text longer than a pipe is written whole, at the reader's pace")
  func writesAll() throws {
    let pipe = try Pipe()
    let text = String(repeating: "0123456789", count: 20_000)
    let output = StandardOutput(pipe.writer.borrowed)
    let reader = pipe.reader.borrowed
    let reading = try BackgroundWork { () throws(Failure) -> [UInt8] in
      var bytes: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 4096)
      while bytes.count < 200_000 {
        var span = piece.mutableSpan
        var room = unsafe span.mutableBytes
        guard let count = try? reader.read(into: &room), count > 0 else { break }
        bytes += piece.prefix(count)
      }
      return bytes
    }
    try output.write(text, Wait(until: .now.advanced(by: .seconds(20))))
    let read = try reading.result().get()
    #expect(read == Array(text.utf8))
    _ = pipe.reader.rawValue
  }

  @Test("a reader who does not read cannot hold up a stop, nor outlast a deadline")
  func stopsWriting() throws {
    let pipe = try Pipe()
    let text = String(repeating: "x", count: 1 << 20)
    let output = StandardOutput(pipe.writer.borrowed)
    let late = failing { () throws(Failure) in try output.write(text, Wait(until: .now)) }
    #expect(late?.errno == .timedOut)
    let stop = try Pipe()
    try stop.write([1])
    let stopped = failing { () throws(Failure) in
      try output.write(text, Wait(orStoppedBy: stop.reader.borrowed))
    }
    #expect(stopped?.kind == .stopped)
  }
}
