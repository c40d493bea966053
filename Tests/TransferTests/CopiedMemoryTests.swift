// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import Sockets
import TestSupport
import Testing
import Transfer

/// Memory that the CPU reads through a copy, as memory of a GPU is.
private final class CopiedMemory: ReadableMemory {
  private let device: [UInt8]
  private var copy: [UInt8]
  private(set) var fetched: [Range<Int>] = []
  private let accesses = AccessLog()

  init(_ device: [UInt8]) {
    self.device = device
    copy = [UInt8](repeating: 0, count: device.count)
  }

  var isMapped: Bool { false }

  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get { unsafe _overrideLifetime(copy.span.bytes, borrowing: self) }
  }

  func beginReading(_ range: Range<Int>) throws(Failure) {
    accesses.begin()
    fetched.append(range)
    copy.replaceSubrange(range, with: device[range])
  }

  func endReading() throws(Failure) { accesses.end() }
}

struct CopiedMemoryTests {
  private let memory = CopiedMemory([UInt8](0...255))

  private func loop() -> ReceiveLoop<
    DevmemEngine<ScriptedConnection, CopiedMemory>, CollectingSink
  > {
    ReceiveLoop(
      by: DevmemEngine(through: 7), into: Intake(into: CollectingSink()), memorySize: 256)
  }

  /// Receives batches of fragments, each an offset and a size, through binding 7.
  private func receive(
    _ batches: [[(offset: UInt64, size: UInt32)]], binding: UInt32 = 7
  ) throws -> (bytes: [UInt8], failure: Failure?) {
    let steps = batches.map { fragments -> ScriptedConnection.Step in
      var messages = ControlMessageBytes()
      for (offset, size) in fragments {
        messages.addFragment(offset: offset, size: size, token: 1, binding: binding)
      }
      return .payload(returns: fragments.reduce(0) { $0 + Int($1.size) }, control: messages.bytes)
    }
    let connection = try ScriptedConnection(steps + [.end])
    var loop = loop()
    var shared = DevmemShared(memory)
    let failure = failing { () throws(Failure) in
      _ = try loop.run(from: connection, with: &shared, Wait())
    }
    let bytes = loop.intake.sink.bytes
    return (bytes, failure)
  }

  @Test("each batch is copied once, from its first fragment in memory to its last")
  func copiesOnce() throws {
    let outcome = try receive([[(100, 2), (10, 3), (50, 1)], [(200, 56)]])
    #expect(outcome.failure == nil)
    #expect(outcome.bytes == [100, 101, 10, 11, 12, 50] + (200...255))
    #expect(memory.fetched == [10..<102, 200..<256])
  }

  @Test("fragments outside the memory or of another binding are refused, and not copied")
  func refusesForeignFragments() throws {
    #expect(try receive([[(250, 7)]]).failure != nil)
    #expect(try receive([[(.max, 1)]]).failure != nil)
    #expect(try receive([[(0, 1)]], binding: 8).failure != nil)
    #expect(memory.fetched == [0..<0, 0..<0, 0..<0])
  }

  @Test("a batch that left everything in host memory copies nothing")
  func copiesNothing() throws {
    var messages = ControlMessageBytes()
    messages.addLinear(size: 2)
    let connection = try ScriptedConnection([
      .payload(returns: 2, plain: [1, 2], control: messages.bytes), .end,
    ])
    var loop = loop()
    var shared = DevmemShared(memory)
    _ = try loop.run(from: connection, with: &shared, Wait())
    #expect(memory.fetched == [0..<0])
  }
}
