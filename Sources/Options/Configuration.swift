// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Payload

/// What the command line asks for.
package enum Configuration: Equatable, Sendable {
  /// Print `Usage.help`.
  case help
  /// Print `Usage.version`.
  case version
  /// Find out whether an interface can do device-memory TCP.
  case probe(Probe)
  /// Tell what a receiving run on an interface would lack.
  case check(Check)
  /// Undo what killed runs have left behind.
  case restore(Restore)
  /// Wait for a connection and receive it into device memory.
  case receive(Receive)
  /// Connect and send standard input from device memory.
  case send(Send)

  /// See `probe`.
  package struct Probe: Equatable, Sendable {
    /// What to bind to what.
    package var target: Target
    /// Whether to report as JSON.
    package var reportsJSON = false

    /// A probe with every choice left to the tool.
    package init(_ target: Target) { self.target = target }
  }

  /// See `check`.
  package struct Check: Equatable, Sendable {
    /// What would be bound to what.
    package var target: Target
    /// Whether to try that as well.
    package var probes = false
    /// Whether to report as JSON.
    package var reportsJSON = false

    /// A look at an interface, with every choice left to the tool.
    package init(_ target: Target) { self.target = target }
  }

  /// See `restore`.
  package struct Restore: Equatable, Sendable {
    /// The only network interface to look after; all if `nil`.
    package var interface: String?

    package init(interface: String? = nil) { self.interface = interface }
  }

  /// See `receive`.
  package struct Receive: Equatable, Sendable {
    /// What to bind to what.
    package var target: Target
    /// The address to listen at.
    package var address: IPAddress
    /// The port to listen at, and the peer's port where there is a `peer`; not 0.
    package var port: UInt16
    /// The only address whose connection is steered to the bound queues; any if `nil`.
    package var peer: IPAddress?
    /// What to compare the stream with; without one, the stream goes to standard output.
    package var pattern: Pattern?
    /// Of how many pieces of the stream the first one is compared.
    package var validationInterval = 1
    /// How long a receive polls its queue for packets, in microseconds; the system's choice if `nil`.
    package var busyPoll: Int?
    /// How many bytes the stream must have, if that is known.
    package var expectedByteCount: Int?
    /// Whether payload outside of device memory fails the run.
    package var failsOnLinear = false
    /// When the memory is unbound.
    package var unbinding = Unbinding.afterStream
    /// Whether to set up the NIC (header split, RSS, flow rule) or take it as it is.
    package var configuresNIC = true
    /// How to measure, if that is what the run is for; there is one stream otherwise.
    package var measurement: Measurement?
    /// Deadline and output.
    package var transfer = Transfer()

    /// A run with every choice left to the tool.
    package init(_ target: Target, address: IPAddress, port: UInt16) {
      self.target = target
      self.address = address
      self.port = port
    }
  }

  /// See `send`.
  package struct Send: Equatable, Sendable {
    /// The interface to send through.
    package var interface: String
    /// The address to connect to.
    package var address: IPAddress
    /// The port to connect to, and to send from where there is a `source`; not 0.
    package var port: UInt16
    /// The address to send from; the kernel's choice if `nil`.
    package var source: IPAddress?
    /// How many bytes one element of a message's vector has; a whole line if `nil`.
    package var chunkSize: Int?
    /// The device memory to send from.
    package var memory = Memory()
    /// How to measure, if that is what the run is for; standard input is sent otherwise.
    package var measurement: Measurement?
    /// What each of the flows of a measurement sends.
    package var load = Load()
    /// Deadline and output.
    package var transfer = Transfer()

    /// A run with every choice left to the tool.
    package init(interface: String, address: IPAddress, port: UInt16) {
      self.interface = interface
      self.address = address
      self.port = port
    }
  }

  /// When a run ends its binding: the earlier, the more of the kernel's teardown it tries.
  package enum Unbinding: Int, Sendable {
    case afterStream = 0
    /// When the first payload waits, before any is received.
    case beforeReceive = 1
    /// After the first payload is received.
    case afterReceive = 2
  }

  /// Queues of an interface, and what to bind them to.
  package struct Target: Equatable, Sendable {
    /// The network interface's name.
    package var interface: String
    /// The RX queues to bind, at least one; the tool's choice if `nil`.
    package var queues: Range<UInt32>?
    /// The size of the NIC's buffers in bytes, a power of two and no less than a page; the
    /// driver's choice if `nil`.
    package var rxPageSize: UInt32?
    /// Whether tokens that a socket still holds when it is closed return by themselves; the
    /// kernel's choice if `nil`.
    package var autorelease: Bool?
    /// The number that the kernel gave its autorelease attribute, if it is not to be guessed.
    package var autoreleaseAttribute: UInt16?
    /// The device memory to bind.
    package var memory = Memory()

    /// An interface, with every choice left to the tool.
    package init(interface: String) { self.interface = interface }
  }

  /// Device memory.
  package struct Memory: Equatable, Sendable {
    /// Where to take it from.
    package var kind = MemoryKind.udmabuf(nil)
    /// How much to take at least, in bytes; `Configuration.memorySize` if `nil`, or all that there
    /// is of memory that has its size already.
    package var byteCount: Int?

    /// Ordinary memory, as much as usual.
    package init() {}
  }

  /// What receiving and sending have in common.
  package struct Transfer: Equatable, Sendable {
    /// How many seconds to wait for the peer each time; for ever if `nil`.
    package var timeout: Int? = 300
    /// Whether to tell of each message on standard error.
    package var traces = false
    /// Whether to report as JSON.
    package var reportsJSON = false

    /// The default: a deadline, and neither trace nor JSON.
    package init() {}
  }

  /// How much device memory there is unless options say otherwise, in bytes: as much as the C
  /// tool's `NUM_PAGES`.
  package static let memorySize = MemoryChoice.defaultByteCount
}
