// SPDX-License-Identifier: GPL-2.0-only

package import Sockets

/// Where an engine puts a stream: what takes its pieces in order and in place, and counts them.
package struct Intake<Sink: PayloadSink & ~Copyable>: ~Copyable {
  /// Takes each fragment, and the stream's length with it, before the sink does.
  package typealias Trace = (Fragment, _ totalBytes: Int) -> Void

  /// Where the payload goes.
  package var sink: Sink
  /// What was done so far.
  package var statistics = ReceiveStatistics()
  /// What sees each fragment from the next call on; `nil` for nothing.
  package var trace: Trace?

  /// - Parameters:
  ///   - sink: Where the payload goes.
  ///   - trace: What sees each fragment; `nil` for nothing.
  package init(into sink: consuming Sink, trace: Trace? = nil) {
    self.sink = sink
    self.trace = trace
  }
}
