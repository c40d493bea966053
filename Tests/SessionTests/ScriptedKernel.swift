// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Kernel
import Sockets
import TestSupport

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

  var rawDescriptor: CInt { pipe.reader.rawValue }

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

/// Ordinary bytes in the place of device memory.
struct PlainMemory: ReadableMemory, ~Copyable {
  let storage: [UInt8]

  /// The error of a bracket's begin, if it is to fail.
  var beginError: Errno?

  init(_ storage: [UInt8], beginError: Errno? = nil) {
    self.storage = storage
    self.beginError = beginError
  }

  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get { unsafe storage.span.bytes }
  }

  var isMapped: Bool { true }

  func beginReading(_ range: Range<Int>) throws(Failure) {
    if let beginError { throw Failure("begin reading", errno: beginError) }
  }

  func endReading() throws(Failure) {}
}
