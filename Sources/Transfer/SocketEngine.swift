// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets

/// What the streams of a thread use in turn to receive copies: a buffer. It is allocated once, and
/// small enough for a CPU's cache to keep it.
@safe package struct SocketShared: ~Copyable {
  /// The buffer's size in bytes: room for a batch that is waited for (`ReceivePace`).
  package static let capacity = 256 << 10

  private let buffer: UnsafeMutableRawBufferPointer

  /// Allocates the buffer.
  package init() {
    unsafe buffer = .allocate(byteCount: Self.capacity, alignment: pageSize)
  }

  deinit { unsafe buffer.deallocate() }

  /// The first bytes.
  ///
  /// - Precondition: there are as many.
  @_lifetime(borrow self)
  fileprivate borrowing func bytes(_ count: Int) -> RawSpan {
    let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    return unsafe _overrideLifetime(bytes, borrowing: self)
  }

  /// The first bytes, to be written.
  ///
  /// - Precondition: there are as many.
  @_lifetime(&self)
  fileprivate mutating func mutableBytes(_ count: Int) -> MutableRawSpan {
    let bytes = unsafe MutableRawSpan(
      _unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    return unsafe _overrideLifetime(bytes, mutating: &self)
  }
}

/// Receives a stream as any program does: the kernel copies it from the NIC's memory; or drops it,
/// where nobody reads it; or shows the pages that it is in, where it is in whole pages.
package struct SocketEngine<Source: HostSource & ~Copyable>: ReceiveEngine, ~Copyable {
  package typealias Shared = SocketShared

  /// Where the kernel shows pages; `nil` where it is not to.
  private let window: Mapping?
  /// How many bytes the window has shown since its pages were given back.
  private var shown = 0
  /// How many bytes to copy before the next try to have pages shown.
  private var bytesToCopy = 0
  /// How many tries in a row have shown nothing.
  private var misses = 0
  /// How many bytes to copy after too many of them.
  private var reluctance = Self.leastReluctance

  /// How many misses in a row are too many: a short segment, and a copy that ended within a page, are
  /// one each, after which pages may follow.
  private static var patience: Int { 3 }
  /// The least and the most bytes to copy after too many misses.
  private static var leastReluctance: Int { 16 * pageSize }
  private static var mostReluctance: Int { 64 << 20 }
  /// The most bytes that one call drops.
  private static var dropLimit: Int { ReceiveFrame.payloadCapacity }

  /// - Parameter window: Where the kernel is to show pages; `nil` to have all copied.
  package init(showingIn window: consuming Mapping? = nil) { self.window = window }

  /// - Parameter showsPages: Whether the source is to show pages where it can.
  package init(of source: borrowing Source, showsPages: Bool) throws(Failure) {
    guard showsPages else {
      window = nil
      return
    }
    window = try attempt("map a socket") { () throws(Errno) in try source.makeWindow() }
  }

  package mutating func receive<Sink: PayloadSink & ~Copyable>(
    from source: borrowing Source, with shared: inout Shared, into intake: inout Intake<Sink>
  ) throws(Failure) -> ReceiveArrival {
    if bytesToCopy == 0, let count = try show(from: source, into: &intake) { return .bytes(count) }
    let reads = intake.sink.readsPayload
    let limit = min(
      bytesToCopy > 0 ? bytesToCopy : .max, reads ? Shared.capacity : Self.dropLimit)
    let count: Int
    do throws(Errno) {
      if reads {
        var bytes = shared.mutableBytes(limit)
        count = try source.receiveCopy(into: &bytes)
      } else {
        count = try source.discard(limit)
      }
    } catch {
      guard error == .tryAgain else { throw Failure(toReceiveCopy: error) }
      return .nothing
    }
    guard count > 0 else { return .endOfStream }
    bytesToCopy = max(0, bytesToCopy - count)
    intake.statistics.receiveCalls += 1
    intake.statistics.plainBytes += count
    if reads {
      try intake.sink.take(shared.bytes(count), from: .copied)
      try intake.sink.release()
    }
    return .bytes(count)
  }

  /// Has pages shown, and hands them on.
  ///
  /// - Returns: How many bytes they have; `nil` if none could be shown.
  private mutating func show<Sink: PayloadSink & ~Copyable>(
    from source: borrowing Source, into intake: inout Intake<Sink>
  ) throws(Failure) -> Int? {
    guard let pages = try pages(of: source) else { return nil }
    bytesToCopy = pages.next
    guard pages.byteCount > 0 else {
      if pages.waiting >= pageSize { misses += 1 }
      if misses > Self.patience {
        misses = 0
        bytesToCopy = max(bytesToCopy, reluctance)
        reluctance = min(reluctance * 2, Self.mostReluctance)
      }
      return nil
    }
    misses = 0
    reluctance = Self.leastReluctance
    shown = max(shown, pages.byteCount)
    intake.statistics.receiveCalls += 1
    intake.statistics.plainBytes += pages.byteCount
    intake.statistics.mappedBytes += pages.byteCount
    if intake.sink.readsPayload { try handOn(pages.byteCount, to: &intake.sink) }
    return pages.byteCount
  }

  /// What the window shows now; `nil` where there is none.
  private func pages(of source: borrowing Source) throws(Failure) -> ShownPages? {
    switch window {
    case .none: nil
    case .some(let window):
      try attempt("have received pages shown (TCP_ZEROCOPY_RECEIVE)") { () throws(Errno) in
        try source.showPages(in: window)
      }
    }
  }

  /// Hands on what the window shows, which the next call replaces.
  private func handOn<Sink: PayloadSink & ~Copyable>(
    _ count: Int, to sink: inout Sink
  ) throws(Failure) {
    switch window {
    case .none: break
    case .some(let window):
      try sink.take(window.bytes.extracting(first: count), from: .shown)
      try sink.release()
    }
  }

  package mutating func giveBack(
    to source: borrowing Source, counting statistics: inout ReceiveStatistics
  ) throws(Failure) {
    guard shown > 0 else { return }
    switch window {
    case .none: break
    case .some(let window):
      try attempt("give back received pages") { () throws(Errno) in
        try window.release(first: shown)
      }
    }
    shown = 0
  }

  package func setReadableThreshold(_ bytes: Int, of source: borrowing Source) throws(Errno) {
    try source.setReadableThreshold(bytes)
  }

  package func descriptor(
    of source: borrowing Source, with shared: borrowing Shared
  ) -> Descriptor { source.descriptor }
}
