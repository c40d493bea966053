// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// The receiving side of an ordinary connection: what is asked of the kernel where no device memory
/// is. Tests put a scripted one in its place.
package protocol HostSource: ~Copyable {
  /// Receives a copy of what waits: as many bytes as there are and fit, 0 at the end.
  ///
  /// - Throws: `EAGAIN` if nothing waits.
  func receiveCopy(into bytes: inout MutableRawSpan) throws(Errno) -> Int

  /// Receives what waits, at most so many bytes, and copies nothing.
  ///
  /// - Returns: How many bytes were received; 0 at the end.
  /// - Throws: `EAGAIN` if nothing waits.
  func discard(_ count: Int) throws(Errno) -> Int

  /// Addresses at which the kernel can show received pages.
  func makeWindow() throws(Errno) -> Mapping

  /// Receives what waits by showing its pages in a window, from the start of that on.
  func showPages(in window: borrowing Mapping) throws(Errno) -> ShownPages

  /// Sets how many bytes must wait before the descriptor counts as readable; the end of the stream
  /// always does, and so does a full window.
  func setReadableThreshold(_ bytes: Int) throws(Errno)

  /// Readable when there is enough to receive.
  var descriptor: Descriptor { get }
}

/// What a window shows.
package struct ShownPages: Equatable, Sendable {
  /// How many bytes were received, and are at the window's start: whole pages.
  package var byteCount: Int
  /// How many bytes come next that the kernel cannot show.
  package var next: Int
  /// How many bytes were waiting.
  package var waiting: Int

  /// States what a window shows.
  package init(byteCount: Int, next: Int, waiting: Int) {
    self.byteCount = byteCount
    self.next = next
    self.waiting = waiting
  }
}

extension Connection: HostSource {
  /// How much one call can show at most, in bytes.
  private static let windowSize = ReceiveFrame.payloadCapacity

  /// The corresponding C function is `recv` with `MSG_TRUNC`, which TCP takes for an order to drop
  /// (`tcp(7)`).
  package func discard(_ count: Int) throws(Errno) -> Int {
    let flags = CInt(MSG_TRUNC) | CInt(MSG_DONTWAIT)
    return try retrying { recv(descriptor.rawValue, nil, count, flags) }
  }

  /// The corresponding C function is `mmap` of the socket.
  package func makeWindow() throws(Errno) -> Mapping { try window(of: Self.windowSize) }

  /// The corresponding C constant is `TCP_ZEROCOPY_RECEIVE` (`net/ipv4/tcp.c`,
  /// `tcp_zerocopy_receive`): it shows payload of which each page is full and begins at the page's
  /// start, as NICs leave it that split headers off and get segments of a page or of several.
  package func showPages(in window: borrowing Mapping) throws(Errno) -> ShownPages {
    var request = CLinux_tcp_zerocopy_receive()
    request.address = unsafe UInt64(UInt(bitPattern: window.base))
    request.length = UInt32(window.count)
    do throws(Errno) {
      request = try descriptor.socketOption(
        CInt(IPPROTO_TCP), CInt(CLinux_TCP_ZEROCOPY_RECEIVE), into: request)
    } catch {
      // What the kernel says at the stream's end: `recv` says it, too.
      guard error == Errno(EIO) else { throw error }
      return ShownPages(byteCount: 0, next: 0, waiting: 0)
    }
    return ShownPages(
      byteCount: Int(request.length), next: Int(request.recv_skip_hint), waiting: Int(request.inq))
  }
}
