// SPDX-License-Identifier: GPL-2.0-only

// The compiler may find `iovec` in either module.
internal import CLinux
internal import Glibc
package import Kernel

/// Writes the stream to a descriptor straight from where it lies: pieces are gathered and written
/// by `writev` before they may be overwritten.
@safe package struct OutputSink: PayloadSink, ~Copyable {
  private let descriptor: Descriptor
  private let wait: Wait
  private let pieces: UnsafeMutableBufferPointer<iovec>
  private var pieceCount = 0
  private var byteCount = 0
  private var falseStarts = FalseStarts()

  /// - Parameters:
  ///   - descriptor: Where to write; it may be non-blocking.
  ///   - wait: What ends a write that waits for the reader.
  package init(to descriptor: Descriptor, _ wait: Wait) {
    self.descriptor = descriptor
    self.wait = wait
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
    pieceCount &+= 1
    byteCount &+= piece.byteCount
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
        unsafe writev(descriptor.rawValue, pieces.baseAddress! + first, CInt(pieceCount - first))
      }
    } catch {
      let operation = "write payload to the standard output"
      guard error == .tryAgain, falseStarts.mayGoOn() else {
        throw Failure(operation, errno: error)
      }
      guard try wait.for(descriptor, .writing, to: operation) else {
        throw Failure(operation, errno: .timedOut)
      }
      return first
    }
    falseStarts.end()
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
}
