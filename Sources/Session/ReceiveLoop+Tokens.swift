// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Sockets

extension ReceiveLoop {
  /// Gathers a token, after making room for it where there is none.
  mutating func gather<
    Source: DevmemSource & ~Copyable, Sink: PayloadSink & ~Copyable
  >(
    _ token: UInt32, from source: borrowing Source, releasing sink: inout Sink
  ) throws(Failure) {
    if tokens.append(token) { return }
    try makeRoom(for: token, from: source, releasing: &sink)
  }

  @inline(never)
  private mutating func makeRoom<
    Source: DevmemSource & ~Copyable, Sink: PayloadSink & ~Copyable
  >(
    for token: UInt32, from source: borrowing Source, releasing sink: inout Sink
  ) throws(Failure) {
    try sink.release()
    try returnTokens(to: source)
    _ = tokens.append(token)
  }

  /// Gathers what a failure left: nobody else will return the tokens of these messages.
  @inline(never)
  mutating func gatherTokens<
    Source: DevmemSource & ~Copyable, Sink: PayloadSink & ~Copyable
  >(
    of messages: inout ControlMessages, from source: borrowing Source, releasing sink: inout Sink
  ) throws(Failure) {
    while let message = messages.next() {
      guard case .fragment(let fragment) = message else { continue }
      try gather(fragment.token, from: source, releasing: &sink)
    }
  }

  /// Returns the tokens gathered so far.
  mutating func returnTokens<Source: DevmemSource & ~Copyable>(
    to source: borrowing Source
  ) throws(Failure) {
    guard !tokens.isEmpty else { return }
    let expected = tokens.fragmentCount
    let freed: Int
    do throws(Errno) {
      freed = try source.returnTokens(tokens.ranges)
      tokens.removeAll()
    } catch {
      tokens.removeAll()
      throw Failure("return tokens (SO_DEVMEM_DONTNEED)", errno: error)
    }
    statistics.returnCalls += 1
    statistics.tokensReturned += freed
    // The kernel skips tokens that it does not know: the count is the only sign of it.
    guard freed == expected else {
      throw Failure(
        "return tokens (SO_DEVMEM_DONTNEED)", reason: "the kernel freed \(freed) of \(expected)")
    }
  }
}
