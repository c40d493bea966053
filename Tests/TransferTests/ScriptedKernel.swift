// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Kernel
import Sockets
import TestSupport
import Testing
import Transfer

/// A connection whose calls end as written down beforehand, and which remembers what it was asked.
final class ScriptedConnection: DevmemSource {
  /// What one `recvmsg` does.
  enum Step {
    case payload(returns: Int, plain: [UInt8] = [], control: [UInt8] = [], truncated: Bool = false)
    case error(Errno)
    case end
  }

  private var steps: ArraySlice<Step>
  private var returnResults: ArraySlice<Result<Int, Errno>>
  private let pipe: Pipe

  /// The ranges of each return of tokens.
  private(set) var returns: [[[UInt32]]] = []

  /// - Parameters:
  ///   - readable: whether `poll` finds something to receive.
  ///   - returnResults: what returns of tokens end with; when used up, as they should.
  init(
    _ steps: [Step], readable: Bool = true, returnResults: [Result<Int, Errno>] = []
  ) throws {
    self.steps = steps[...]
    self.returnResults = returnResults[...]
    pipe = try Pipe()
    if readable { try pipe.write([0]) }
  }

  var descriptor: Descriptor { pipe.reader.borrowed }

  var isExhausted: Bool { steps.isEmpty }

  func receive(into frame: inout ReceiveFrame) throws(Errno) -> Int {
    guard let step = steps.popFirst() else { throw .badDescriptor }
    switch step {
    case .payload(let count, let plain, let control, let truncated):
      frame.load(payload: plain, control: control, truncated: truncated)
      return count
    case .error(let errno): throw errno
    case .end: return 0
    }
  }

  /// The thresholds set, in order.
  private(set) var thresholds: [Int] = []

  func setReadableThreshold(_ bytes: Int) throws(Errno) { thresholds.append(bytes) }

  func returnTokens(_ tokens: Span<CLinux_dmabuf_token>) throws(Errno) -> Int {
    returns.append(tokens.indices.map { [tokens[$0].token_start, tokens[$0].token_count] })
    guard let result = returnResults.popFirst() else {
      return tokens.indices.reduce(0) { $0 + Int(tokens[$1].token_count) }
    }
    return try result.get()
  }
}

/// Counts the accesses of the CPU to a memory, and records an issue if one was not ended.
final class AccessLog {
  private var open = 0
  /// How many accesses there were.
  private(set) var count = 0

  func begin() {
    if open > 0 { Issue.record("an access begins within another") }
    open += 1
    count += 1
  }

  func end() {
    if open == 0 { Issue.record("an access ends that was not begun") }
    open -= 1
  }

  deinit { if open > 0 { Issue.record("\(open) accesses were begun and never ended") } }
}

/// Ordinary bytes in the place of device memory.
struct PlainMemory: ReadableMemory, ~Copyable {
  let storage: [UInt8]
  private let accesses = AccessLog()

  /// The error of an access's begin, if it is to fail.
  var beginError: Errno?
  /// The error of an access's end, if it is to fail.
  var endError: Errno?

  init(_ storage: [UInt8], beginError: Errno? = nil, endError: Errno? = nil) {
    self.storage = storage
    self.beginError = beginError
    self.endError = endError
  }

  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get { unsafe storage.span.bytes }
  }

  var isMapped: Bool { true }

  func beginReading(_ range: Range<Int>) throws(Failure) {
    if let beginError { throw Failure("begin reading", errno: beginError) }
    accesses.begin()
  }

  func endReading() throws(Failure) {
    accesses.end()
    if let endError { throw Failure("end reading", errno: endError) }
  }
}

/// A sink that keeps what it is given, and fails after so many pieces.
struct CollectingSink: PayloadSink, ~Copyable {
  var bytes: [UInt8] = []
  private var piecesLeft: Int

  init(failingAfter pieces: Int = .max) { piecesLeft = pieces }

  mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    guard piecesLeft > 0 else { throw Failure("write payload", errno: .noSpace) }
    piecesLeft -= 1
    for offset in piece.byteOffsets {
      bytes.append(unsafe piece.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    }
  }

  mutating func release() throws(Failure) {}

  var wrongByteCount: Int? { nil }
}
