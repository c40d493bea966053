// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets

/// Where a piece of the stream was found.
package enum PieceOrigin: Sendable {
  /// In device memory, as the stream's fragment number `index`, counted from 0.
  case fragment(Fragment, index: Int)
  /// In host memory, left there by a NIC that split the frame elsewhere.
  case linear
  /// In host memory, because the frame did not come through a bound queue.
  case plain
  /// In host memory, to which a socket has copied it, as for any program.
  case copied
  /// In the pages that the NIC has put it in, which a socket shows.
  case shown
}

/// What takes the stream's pieces, in order and in place.
package protocol PayloadSink: ~Copyable {
  /// Takes the next piece. It evaluates `origin` only to report something.
  mutating func take(
    _ piece: RawSpan, from origin: @autoclosure () -> PieceOrigin
  ) throws(Failure)

  /// Releases the pieces taken: after the return they may be overwritten.
  mutating func release() throws(Failure)

  /// Whether `take` does nothing: then it need not be called.
  var dropsPayload: Bool { get }

  /// Whether `take` reads the payload; if not, it is not made visible to the CPU.
  var readsPayload: Bool { get }

  /// Whether `take` itself reads all of the payload.
  var readsAtOnce: Bool { get }

  /// How many bytes were compared with a pattern.
  var checkedByteCount: Int { get }

  /// How many of them were wrong; `nil` where none are compared.
  var wrongByteCount: Int? { get }
}

extension PayloadSink where Self: ~Copyable {
  package var dropsPayload: Bool { false }
  package var readsPayload: Bool { true }
  package var readsAtOnce: Bool { false }
  package var checkedByteCount: Int { 0 }
}
