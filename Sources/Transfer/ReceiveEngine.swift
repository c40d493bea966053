// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// A way to receive one stream: takes what waits in the kernel, and gives the memory of what was
/// taken back. `ReceiveLoop` does the rest, which is the same for all.
package protocol ReceiveEngine: ~Copyable {
  /// The connection that the stream comes over.
  associatedtype Source: ~Copyable
  /// What the streams of a thread use in turn: buffers, or a ring that serves them all.
  associatedtype Shared: ~Copyable

  /// Takes what one call has, without waiting, and hands it on in order.
  ///
  /// - Parameters:
  ///   - source: The stream's connection.
  ///   - shared: What the thread's streams use.
  ///   - intake: What takes the payload, and counts it.
  /// - Throws: A `Failure` of which the memory of what was taken is still to be given back.
  mutating func receive<Sink: PayloadSink & ~Copyable>(
    from source: borrowing Source, with shared: inout Shared, into intake: inout Intake<Sink>
  ) throws(Failure) -> ReceiveArrival

  /// Gives back the memory of what was taken, which the sink has released.
  mutating func giveBack(
    to source: borrowing Source, counting statistics: inout ReceiveStatistics
  ) throws(Failure)

  /// Sets how many bytes must wait before the source counts as readable.
  func setReadableThreshold(_ bytes: Int, of source: borrowing Source) throws(Errno)

  /// What is readable when there is enough to receive, or the stream has ended.
  func descriptor(of source: borrowing Source, with shared: borrowing Shared) -> Descriptor
}

/// What one call of an engine ended with.
package enum ReceiveArrival: Sendable {
  /// So many bytes, all of which were handed on.
  case bytes(Int)
  /// Nothing waits.
  case nothing
  /// The peer has closed the connection, and all that it sent was handed on before.
  case endOfStream
}
