// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Sockets
import TestSupport

/// A socket whose sends end as written down beforehand.
final class ScriptedDestination: DevmemDestination {
  /// What one `sendmsg` does.
  enum Step {
    case take(Int)
    case error(Errno)
  }

  private var steps: ArraySlice<Step>
  private let silent: Pipe
  private let broken: OwnedDescriptor
  private let isReady: Bool
  /// Notices to come, once a send has not been taken or there is nothing more to send.
  var notices: [SendNotice]
  var pendingError: Errno?
  /// Completes each send at once.
  var completesAtOnce: Bool
  /// What the peer has acknowledged, each time that the loop asks, and from then on; where nothing
  /// is written down, all that was sent and its end.
  var acknowledgements: [Acknowledgement] = []
  private(set) var hasEnded = false
  /// What the end of the stream fails with.
  var endError: Errno?

  private(set) var sends: [(offset: Int, count: Int)] = []

  init(
    _ steps: [Step] = [], notices: [SendNotice] = [], pendingError: Errno? = nil,
    completesAtOnce: Bool = false, isReady: Bool = true
  ) throws {
    self.steps = steps[...]
    self.notices = notices
    self.pendingError = pendingError
    self.completesAtOnce = completesAtOnce
    silent = try Pipe()
    // A pipe whose reader is gone is in error for ever: `poll` never waits for it.
    let pipe = try Pipe()
    broken = try OwnedDescriptor.duplicate(of: pipe.writer.borrowed)
    self.isReady = isReady
  }

  var descriptor: Descriptor { isReady ? broken.borrowed : silent.reader.borrowed }

  func send(offset: Int, count: Int, with frame: borrowing SendFrame) throws(Errno) -> Int {
    switch steps.popFirst() {
    case .error(let errno): throw errno
    case .take(let limit): return taken(offset, min(limit, count))
    case nil: return taken(offset, count)
    }
  }

  private func taken(_ offset: Int, _ count: Int) -> Int {
    let number = UInt32(sends.count)
    sends.append((offset, count))
    if completesAtOnce { notices.append(.complete(first: number, last: number, copied: false)) }
    return count
  }

  func takeNotice() throws(Errno) -> SendNotice? { notices.isEmpty ? nil : notices.removeFirst() }

  func takeError() throws(Errno) -> Errno? {
    defer { pendingError = nil }
    return pendingError
  }

  func finishSending() throws(Errno) {
    if let endError { throw endError }
    hasEnded = true
  }

  func receiveCopy(into bytes: inout MutableRawSpan) throws(Errno) -> Int { throw .tryAgain }

  func acknowledgement() throws(Errno) -> Acknowledgement {
    guard acknowledgements.isEmpty else {
      return acknowledgements.count > 1 ? acknowledgements.removeFirst() : acknowledgements[0]
    }
    return Acknowledgement(bytes: sends.reduce(0) { $0 + $1.count }, andEnd: hasEnded)
  }
}
