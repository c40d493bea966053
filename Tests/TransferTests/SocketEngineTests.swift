// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

/// A connection whose calls end as written down beforehand, and which remembers what it was asked.
private final class ScriptedSocket: HostSource {
  /// What one call does.
  enum Step {
    /// Something for `recv`.
    case bytes([UInt8])
    /// So many bytes in pages, of the window's first page, and the kernel's hint; what waited.
    case pages(Int, next: Int = 0, waiting: Int? = nil)
    case error(Errno)
    case end
  }

  private var steps: ArraySlice<Step>
  private let pipe: Pipe
  private let pages: OwnedDescriptor
  /// Each call: its name, and how many bytes it may take.
  private(set) var calls: [String] = []

  init(_ steps: [Step], pagesOf bytes: [UInt8] = []) throws {
    self.steps = steps[...]
    pipe = try Pipe()
    try pipe.write([0])
    pages = OwnedDescriptor(owning: try temporaryFile(bytes))
  }

  var descriptor: Descriptor { pipe.reader.borrowed }

  var isExhausted: Bool { steps.isEmpty }

  func receiveCopy(into bytes: inout MutableRawSpan) throws(Errno) -> Int {
    calls.append("copy \(bytes.byteCount)")
    switch steps.popFirst() {
    case .bytes(let payload):
      for (offset, byte) in payload.enumerated() {
        bytes.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
      }
      return payload.count
    case .error(let errno): throw errno
    case .end: return 0
    case .pages, nil: throw .badDescriptor
    }
  }

  func discard(_ count: Int) throws(Errno) -> Int {
    calls.append("discard")
    switch steps.popFirst() {
    case .bytes(let payload): return payload.count
    case .error(let errno): throw errno
    case .end: return 0
    case .pages, nil: throw .badDescriptor
    }
  }

  func makeWindow() throws(Errno) -> Mapping {
    try Mapping(pages, count: 4 * pageSize, isWritable: false)
  }

  func showPages(in window: borrowing Mapping) throws(Errno) -> ShownPages {
    guard case .pages(let count, let next, let waiting) = steps.popFirst() else {
      throw .badDescriptor
    }
    calls.append("show")
    return ShownPages(byteCount: count, next: next, waiting: waiting ?? count + next)
  }

  func setReadableThreshold(_ bytes: Int) throws(Errno) { calls.append("threshold \(bytes)") }
}

/// A file without a name that has some bytes.
private func temporaryFile(_ bytes: [UInt8]) throws(Errno) -> CInt {
  let file = try retrying { unsafe CLinux_memfd_create("pages", 0) }
  try retrying { ftruncate(file, off_t(4 * pageSize)) }
  _ = try retrying { unsafe pwrite(file, bytes, bytes.count, 0) }
  return file
}

struct SocketEngineTests {
  /// What a run ended with.
  private struct Outcome {
    var bytes: [UInt8]
    var failure: Failure?
    var statistics: ReceiveStatistics
  }

  private func run(
    _ socket: ScriptedSocket, showsPages: Bool = false
  ) throws -> Outcome {
    var shared = SocketShared()
    var loop = ReceiveLoop(
      by: try SocketEngine(of: socket, showsPages: showsPages),
      into: Intake(into: CollectingSink()),
      memorySize: .max)
    let failure = failing { () throws(Failure) in
      _ = try loop.run(from: socket, with: &shared, Wait())
    }
    return Outcome(
      bytes: loop.intake.sink.bytes, failure: failure, statistics: loop.statistics)
  }

  @Test("what the kernel copies is the stream, and counted")
  func copies() throws {
    let socket = try ScriptedSocket([
      .bytes([1, 2, 3]), .error(.tryAgain), .bytes([4]), .end,
    ])
    let outcome = try run(socket)
    #expect(outcome.failure == nil)
    #expect(outcome.bytes == [1, 2, 3, 4])
    #expect(outcome.statistics.plainBytes == 4)
    #expect(outcome.statistics.totalBytes == 4)
    #expect(outcome.statistics.receiveCalls == 2)
    #expect(outcome.statistics.mappedBytes == 0)
    #expect(socket.isExhausted)
    #expect(Set(socket.calls) == ["copy \(SocketShared.capacity)"])
  }

  @Test(
    "an error of recv ends the run, and says what it means",
    arguments: [
      (Errno.connectionReset, "the peer broke the connection off"),
      (.badAddress, "the payload is in device memory: another program's binding gets this flow"),
      (.outOfMemory, nil),
    ] as [(Errno, String?)])
  func fails(errno: Errno, hint: String?) throws {
    let outcome = try run(try ScriptedSocket([.bytes([1]), .error(errno)]))
    #expect(outcome.failure?.errno == errno)
    #expect(outcome.failure?.hint == hint)
    #expect(outcome.bytes == [1])
  }

  @Test("payload that nobody reads is dropped by the kernel, and counted")
  func drops() throws {
    let socket = try ScriptedSocket([.bytes([1, 2, 3]), .bytes([4, 5]), .end])
    var shared = SocketShared()
    var loop = ReceiveLoop(
      by: SocketEngine<ScriptedSocket>(), into: Intake(into: MeasuredSink(nil) { _ in }),
      memorySize: .max)
    while try loop.step(from: socket, with: &shared) != .endOfStream {}
    #expect(loop.statistics.plainBytes == 5)
    #expect(socket.calls == ["discard", "discard", "discard"])
  }

  @Test("pages are shown in place, what the kernel cannot show is copied, and all is one stream")
  func showsPages() throws {
    let page = [UInt8](repeating: 7, count: pageSize) + [UInt8](repeating: 8, count: pageSize)
    let socket = try ScriptedSocket(
      [
        .pages(2 * pageSize, next: 3), .bytes([1, 2]), .bytes([3]), .pages(pageSize), .pages(0),
        .end,
      ], pagesOf: page)
    let outcome = try run(socket, showsPages: true)
    #expect(outcome.failure == nil)
    #expect(outcome.bytes == page + [1, 2, 3] + page[..<pageSize])
    #expect(outcome.statistics.plainBytes == 3 * pageSize + 3)
    #expect(outcome.statistics.mappedBytes == 3 * pageSize)
    // No more than the hint is copied before the next page.
    #expect(
      socket.calls == [
        "show", "copy 3", "copy 1", "show", "show", "copy \(SocketShared.capacity)",
      ])
  }

  @Test("where nothing can be shown again and again, more and more is copied before the next try")
  func givesUpPages() throws {
    func miss(copying count: Int) -> [ScriptedSocket.Step] {
      [.pages(0, next: 100, waiting: 100 * pageSize), .bytes([UInt8](repeating: 1, count: count))]
    }
    let few = (0..<3).flatMap { _ in miss(copying: 100) }
    let many = 16 * pageSize
    let socket = try ScriptedSocket(
      few + miss(copying: many) + few + miss(copying: 2 * many)
        // A little that waits is no miss.
        + few + [.pages(0, next: 5, waiting: 5), .bytes([1, 1, 1, 1, 1]), .pages(pageSize)]
        + few + [.pages(0), .end])
    let outcome = try run(socket, showsPages: true)
    #expect(outcome.failure == nil)
    #expect(outcome.statistics.mappedBytes == pageSize)
    let tries = (0..<3).flatMap { _ in ["show", "copy 100"] }
    #expect(
      socket.calls == tries + ["show", "copy \(many)"] + tries + ["show", "copy \(2 * many)"]
        + tries + ["show", "copy 5", "show"] + tries
        + ["show", "copy \(SocketShared.capacity)"])
  }

  @Test("sockets show and drop what they receive, and send in place")
  func works() throws {
    let loopback = try Loopback()
    let sender = try Loopback.connect(to: loopback.address)
    let receiver = try loopback.accept()
    let window = try receiver.makeWindow()
    #expect(
      try receiver.showPages(in: window) == ShownPages(byteCount: 0, next: 0, waiting: 0))
    try sender.sendAll([UInt8](repeating: 3, count: 1000))
    _ = try Wait().for(receiver.descriptor, to: "wait")
    let shown = try receiver.showPages(in: window)
    #expect(shown == ShownPages(byteCount: 0, next: 1000, waiting: 1000))
    #expect(try receiver.discard(300) == 300)
    #expect(try receiver.discard(10_000) == 700)
    #expect(throws: Errno.tryAgain) { try receiver.discard(1) }
    try sender.finishSending()
    _ = try Wait().for(receiver.descriptor, to: "wait")
    #expect(try receiver.discard(1) == 0)
    #expect(
      try receiver.showPages(in: window) == ShownPages(byteCount: 0, next: 0, waiting: 0))
  }
}
