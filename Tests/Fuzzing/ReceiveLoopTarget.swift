// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Kernel
import Sockets
import TestSupport
import Transfer

/// A stream through the receive loop, by a kernel that says anything: whatever it says, each token
/// that came goes back once, in order, and what is counted is what was described.
@Sendable func receiveFrames(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  let flags = input.byte()
  let engine = DevmemEngine<AnyKernel, Bytes>(
    through: AnyKernel.binding, failsOnLinear: flags & 2 != 0, tokensArePages: flags & 4 != 0)
  var loop = ReceiveLoop(
    by: engine, into: Intake(into: EdgeSink(readsPayload: flags & 1 == 0)),
    memorySize: Bytes.count, waitsForBatches: flags & 8 == 0)
  let kernel = AnyKernel(input, refusals: flags >> 5)
  var failure: Failure?
  var shared = Spare.take()
  do throws(Failure) {
    while try loop.step(from: kernel, with: &shared) != .endOfStream {}
  } catch {
    failure = error
    loop.settle(with: kernel)
  }
  let openAccesses = shared.memory.openAccesses
  Spare.give(shared)
  try require(openAccesses == 0, "an access was not ended")
  try require(
    kernel.returned.count <= kernel.received.count, "more tokens went back than had come")
  guard flags >> 5 == 0 else { return }
  try require(
    kernel.returned == kernel.received,
    "\(kernel.received) came, \(kernel.returned) went back (\(failure?.description ?? "ok"))")
  guard failure == nil else { return }
  try require(
    loop.statistics.totalBytes == kernel.byteCount,
    "\(kernel.byteCount) bytes came, \(loop.statistics.totalBytes) were counted")
  try require(loop.statistics.tokensReturned == kernel.received.count, "tokens were miscounted")
}

/// Reads the first and the last byte of each piece.
private struct EdgeSink: PayloadSink {
  let readsPayload: Bool
  private var sum: UInt8 = 0

  init(readsPayload: Bool) { self.readsPayload = readsPayload }

  mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    guard readsPayload, piece.byteCount > 0 else { return }
    for place in [0, piece.byteCount - 1] {
      sum &+= unsafe piece.unsafeLoad(fromByteOffset: place, as: UInt8.self)
    }
  }

  mutating func release() throws(Failure) {}

  var wrongByteCount: Int? { nil }
}

/// What all inputs of a thread use: a receive frame takes 4 MiB.
private enum Spare {
  nonisolated(unsafe) private static var spare: DevmemShared<Bytes>?

  static func take() -> DevmemShared<Bytes> {
    guard let shared = unsafe spare.take() else { return DevmemShared(Bytes()) }
    shared.memory.openAccesses = 0
    return shared
  }

  static func give(_ shared: consuming DevmemShared<Bytes>) { unsafe spare = consume shared }
}

/// Ordinary bytes in the place of device memory.
private final class Bytes: ReadableMemory {
  static let count = 1 << 16
  private static let storage = [UInt8](repeating: 1, count: count)

  var openAccesses = 0

  var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get { unsafe _overrideLifetime(Self.storage.span.bytes, borrowing: self) }
  }

  var isMapped: Bool { false }
  func beginReading(_ range: Range<Int>) throws(Failure) { openAccesses += 1 }
  func endReading() throws(Failure) { openAccesses -= 1 }
}

/// A kernel that does what the input says, and takes tokens back.
private final class AnyKernel: DevmemSource {
  static let binding: UInt32 = 7

  private var input: Input
  /// How it takes tokens back: 0 as it must.
  private let refusals: UInt8
  /// The tokens of all fragments that came, in order.
  private(set) var received: [UInt32] = []
  /// Those that went back.
  private(set) var returned: [UInt32] = []
  /// What it told to have received.
  private(set) var byteCount = 0

  init(_ input: Input, refusals: UInt8) {
    self.input = input
    self.refusals = refusals
  }

  var descriptor: Descriptor { .standardInput }

  func setReadableThreshold(_ bytes: Int) throws(Errno) {}

  func receive(into frame: inout ReceiveFrame) throws(Errno) -> Int {
    guard !input.isEmpty else { return 0 }
    let kind = input.byte()
    switch kind & 7 {
    case 0: throw .tryAgain
    case 1: throw [.tooSmall, .badAddress, .connectionReset, .noDevice][Int(kind >> 3) & 3]
    default: break
    }
    let plain = input.piece()
    let control = kind & 8 == 0 ? messages() : input.piece()
    var described = 0
    var tokens: [UInt32] = []
    for message in expectedMessages(in: control) {
      switch message {
      case .fragment(let fragment):
        tokens.append(fragment.token)
        described += Int(fragment.size)
      case .linear(let size): described += Int(size)
      case .other, .malformed: break
      }
    }
    let count =
      kind & 16 == 0
      ? control.isEmpty ? plain.count : described
      : min(input.number(), ReceiveFrame.payloadCapacity)
    // At the stream's end there are no messages.
    guard count > 0 else { return 0 }
    frame.load(payload: plain, control: control, truncated: kind & 0xe0 == 0xe0)
    received += tokens
    byteCount += count
    return count
  }

  /// Messages of the right form.
  private func messages() -> [UInt8] {
    var messages = ControlMessageBytes()
    for _ in 0..<input.byte() {
      switch input.byte() {
      case 0: messages.addLinear(size: input.number())
      case 1: messages.addOther()
      case 2:
        messages.addFragment(
          offset: input.integer(), size: input.integer(), token: input.integer(),
          binding: input.number())
      default:
        messages.addFragment(
          offset: UInt64(input.number(UInt16.self)), size: input.number(), token: input.number())
      }
    }
    return messages.bytes
  }

  func returnTokens(_ tokens: Span<CLinux_dmabuf_token>) throws(Errno) -> Int {
    if refusals == 1 { throw .invalidArgument }
    var count = 0
    for place in tokens.indices {
      for step in 0..<tokens[place].token_count {
        if refusals < 2 { returned.append(tokens[place].token_start &+ step) }
        count += 1
      }
    }
    return refusals == 0 ? count : count / 2
  }
}
