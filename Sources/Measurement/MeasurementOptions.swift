// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Payload

/// A run that is made for its figures: several flows, each with a stream of its own.
package struct MeasurementOptions: Equatable, Sendable {
  /// How many connections; as many as the peer says if `nil`, which needs a `controlPort`.
  package var flows: Int?
  /// How many threads share the receiving of the flows; as many as CPUs, and no more than flows, if
  /// `nil`.
  package var threads: Int?
  /// Which CPUs the threads are pinned to, in turn; the tool's choice if `nil`.
  package var cpus: CPUList?
  /// When to end, in whole seconds behind the time that is left out; when the streams do if `nil`.
  package var duration: Duration?
  /// How much time the figures leave out, from the start on, in whole seconds; as much as the peer
  /// says if `nil`, which needs a `controlPort` and a peer that sends, or else none.
  package var omitted: Duration?
  /// How much time a reported interval has, in whole seconds; zero for none but the whole.
  package var interval = Duration.seconds(1)
  /// What the flows exchange, where the time of that is what counts; streams if `nil`.
  package var exchange: Exchange?
  /// The port of the connection over which both ends agree and exchange figures; none if `nil`.
  package var controlPort: UInt16?

  /// A measurement with every choice left to the tool.
  package init(flows: Int? = nil) { self.flows = flows }

  /// The most flows that one run may have.
  package static let flowLimit = 1024

  /// The most bytes of a flow that the two ends can report to each other: 2 PiB.
  package static let flowByteLimit = 1 << 51

  /// The longest duration, in seconds.
  package static let durationLimit = 86400
}

/// What a flow of a measurement sends.
package struct Load: Equatable, Sendable {
  /// How many bytes each flow sends; as many as it can for the duration if `nil`.
  package var bytesPerFlow: Int?
  /// What they are.
  package var pattern = Pattern(period: 7)!
  /// The most bits that a flow sends a second; no limit if `nil`.
  package var bitsPerSecond: Int?
  /// Whether to send from host memory, and not from device memory.
  package var usesHostMemory = false

  /// The default: as many bytes as can be sent, from device memory.
  package init() {}

  /// How long a run lasts that has neither duration nor length.
  package static let defaultDuration = Duration.seconds(10)
}
