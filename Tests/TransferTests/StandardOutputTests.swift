// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Sockets
import TestSupport
import Testing
import Transfer

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
}
