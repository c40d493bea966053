// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// Writes the stream to a descriptor straight from where it lies: pieces are gathered and written
/// by `writev` before they may be overwritten.
@safe package struct OutputSink: PayloadSink, ~Copyable {
  private let descriptor: CInt
  private let stop: CInt
  private let pieces: UnsafeMutableBufferPointer<iovec>
  private var pieceCount = 0
  private var byteCount = 0

  /// - Parameters:
  ///   - descriptor: Where to write; it may be non-blocking.
  ///   - stop: A descriptor that is readable when a write that waits is to be given up.
  package init(to descriptor: CInt, orStoppedBy stop: CInt) {
    self.descriptor = descriptor
    self.stop = stop
    unsafe pieces = .allocate(capacity: 1024)
  }

  deinit { unsafe pieces.deallocate() }

  package mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure) {
    if unsafe pieceCount == pieces.count { try release() }
    unsafe piece.withUnsafeBytes { bytes in
      // `writev` only reads; the piece outlives the entry, which `release` drops.
      unsafe pieces[pieceCount] = iovec(
        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }
    pieceCount += 1
    byteCount += piece.byteCount
  }

  package var wrongByteCount: Int? { nil }

  package mutating func release() throws(Failure) {
    defer {
      pieceCount = 0
      byteCount = 0
    }
    var next = 0
    while next < pieceCount {
      next = try write(from: next)
    }
  }

  /// Writes once, from a piece on.
  ///
  /// - Returns: The first piece of which something is left.
  private mutating func write(from first: Int) throws(Failure) -> Int {
    var written: Int
    do throws(Errno) {
      written = try retrying {
        unsafe writev(descriptor, pieces.baseAddress! + first, CInt(pieceCount - first))
      }
    } catch {
      guard error == .tryAgain else {
        throw Failure("write payload", on: "to the standard output", errno: error)
      }
      try waitForRoom()
      return first
    }
    byteCount -= written
    guard byteCount > 0 else { return pieceCount }
    var next = first
    while next < pieceCount, unsafe written >= pieces[next].iov_len {
      unsafe written -= pieces[next].iov_len
      next += 1
    }
    if written > 0 {
      unsafe pieces[next].iov_base += written
      unsafe pieces[next].iov_len -= written
    }
    return next
  }

  private func waitForRoom() throws(Failure) {
    let readiness = try attempt("wait for the standard output") { () throws(Errno) in
      try waitUntilReady(descriptor, for: .writing, until: nil, orStoppedBy: stop)
    }
    guard readiness == .ready else {
      throw Failure(
        "write payload", on: "to the standard output", errno: .interrupted,
        reason: "stopped while its reader was not reading")
    }
  }
}
