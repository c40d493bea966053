// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import Measurement
package import Netdev
package import Payload
package import Sockets
package import Transfer

/// What the command line asks for.
package enum Configuration: Equatable, Sendable {
  /// Print `Usage.help`.
  case help
  /// Print `Version.text`.
  case version
  /// Find out whether an interface can do device-memory TCP.
  case probe(Probe)
  /// Report what a receiving run on an interface would lack.
  case check(Check)
  /// Undo what killed runs have left behind.
  case restore(Restore)
  /// Wait for a connection and receive it into device memory.
  case receive(Receive)
  /// Connect and send standard input from device memory.
  case send(Send)

  /// Finds an address of a host by its name, of a family if that matters.
  package typealias Lookup = (String, IPAddress.Family?) throws(Failure) -> IPAddress

  /// Reads the command line.
  ///
  /// - Parameters:
  ///   - words: What follows the program's name.
  ///   - lookUp: Finds the address of a host that is named.
  /// - Throws: A failure of kind `.usage`, in one line that begins with the option; what `lookUp`
  ///   throws.
  package init(
    words: [String], lookingUpBy lookUp: Lookup = IPAddress.init(lookingUp:of:)
  ) throws(Failure) {
    var draft = Draft()
    for given in try OptionScanner.scan(words) {
      if let answer = given.option.answer {
        self = answer
        return
      }
      try draft.add(given)
    }
    self = try draft.configuration(lookUp)
  }
}

extension Configuration {
  /// See `Configuration.probe`.
  package struct Probe: Equatable, Sendable {
    /// What to bind to what.
    package var target: Target
    /// The interfaces to probe in turn, each as the target's; that one alone if `nil`.
    package var several: Several?

    /// A probe of an interface, or of several.
    package init(_ target: Target, several: Several? = nil) {
      self.target = target
      self.several = several
    }
  }

  /// See `Configuration.check`.
  package struct Check: Equatable, Sendable {
    /// What would be bound to what.
    package var target: Target
    /// The interfaces to check in turn, each as the target's; that one alone if `nil`.
    package var several: Several?
    /// Whether to try that as well.
    package var probes: Bool
    /// How to report.
    package var format: Format

    /// How a check reports what it found.
    package enum Format: String, Sendable {
      /// A line an item, for people.
      case text
      /// The run's document.
      case json
      /// What a test runner of the kernel reads (`Documentation/dev-tools/ktap.rst`).
      case ktap
    }

    /// A check of an interface, or of several.
    package init(
      _ target: Target, several: Several? = nil, probes: Bool = false, format: Format = .text
    ) {
      self.target = target
      self.several = several
      self.probes = probes
      self.format = format
    }
  }

  /// See `Configuration.restore`.
  package struct Restore: Equatable, Sendable {
    /// The only network interface to restore; all if `nil`.
    package var interface: String?
    /// Whether to drop the record of what cannot be undone.
    package var isForced: Bool

    /// Restores one interface, or all.
    package init(interface: String? = nil, isForced: Bool = false) {
      self.interface = interface
      self.isForced = isForced
    }
  }

  /// See `Configuration.receive`.
  package struct Receive: Equatable, Sendable {
    /// What to bind to what.
    package var target: Target
    /// The address to listen at, or with a `request` to connect to.
    package var address: IPAddress
    /// The port to listen at, and the peer's port where there is a `peer`, or with a `request` the
    /// port to connect to; not 0.
    package var port: UInt16
    /// The only address whose connection is steered to the bound queues; any if `nil`. With a
    /// `request` the address to connect from.
    package var peer: IPAddress?
    /// What the end that listens is to send, where this one connects; `nil` where this one listens.
    package var request: Request?
    /// What the stream must be.
    package var checks = Checks()
    /// How long a receive polls its queue for packets, in whole microseconds; the system's choice
    /// if `nil`.
    package var busyPoll: Duration?
    /// When the memory is unbound.
    package var unbinding = Unbinding.afterStream
    /// Whether to set up the NIC (header split, RSS, flow rule) or to leave it alone.
    package var configuresNIC = true
    /// What the connections' TCP is to be like.
    package var tcp = TCPSettings()
    /// How to measure, if that is what the run is for; there is one stream otherwise.
    package var measurement: MeasurementOptions?
    /// How long to wait for the peer each time, in whole seconds; for ever if `nil`.
    package var timeout: Duration? = Configuration.defaultTimeout
    /// What to report, and how.
    package var output = Output()

    /// A run with every choice left to the tool.
    package init(_ target: Target, address: IPAddress, port: UInt16) {
      self.target = target
      self.address = address
      self.port = port
    }
  }

  /// What the end that listens is to send.
  package struct Request: Equatable, Sendable {
    /// What each flow sends.
    package var load: Load
    /// How many bytes one element of a message's vector has; a whole piece if `nil`.
    package var chunkSize: Int?
    /// Whether this end sends the same meanwhile (`--bidir`).
    package var isMutual: Bool

    /// Asks for flows.
    package init(_ load: Load = Load(), chunkSize: Int? = nil, isMutual: Bool = false) {
      self.load = load
      self.chunkSize = chunkSize
      self.isMutual = isMutual
    }
  }

  /// See `Configuration.send`.
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
    /// What sends.
    package var engine = Engine.devmem
    /// The device memory to send from, if it is the engine's.
    package var memory = MemoryChoice()
    /// What the connections' TCP is to be like.
    package var tcp = TCPSettings()
    /// How to measure, if that is what the run is for; standard input is sent otherwise.
    package var measurement: MeasurementOptions?
    /// What each of the flows of a measurement sends.
    package var load = Load()
    /// How long to wait for the peer each time, in whole seconds; for ever if `nil`.
    package var timeout: Duration? = Configuration.defaultTimeout
    /// What to report, and how.
    package var output = Output()

    /// A run with every choice left to the tool.
    package init(interface: String, address: IPAddress, port: UInt16) {
      self.interface = interface
      self.address = address
      self.port = port
    }

    /// Has it send as an end with an engine does: by a socket where its load comes from host memory,
    /// and from there by a socket.
    package mutating func send(by engine: Engine) {
      self.engine = engine.sending(fromHostMemory: load.usesHostMemory)
      load.usesHostMemory = self.engine.isSocket
    }
  }

  /// How long a run waits for its peer unless options say otherwise.
  package static let defaultTimeout = Duration.seconds(300)
}

extension Configuration {
  /// Queues of an interface, and what to bind them to.
  package struct Target: Equatable, Sendable {
    /// The network interface's name, its own or an alternative one.
    package var interface: String
    /// The RX queues to bind, at least one; the tool's choice if `nil`. Where sockets receive, those
    /// to which flows are steered; wherever they come if `nil`.
    package var queues: Range<UInt32>?
    /// What the binding asks for. The size of the NIC's buffers is a power of two and no less than
    /// a page.
    package var binding = ReceiveBinding.Options()
    /// The device memory to bind.
    package var memory = MemoryChoice()
    /// What the payload comes by; all but the queues is of device memory only.
    package var engine = Engine.devmem

    /// An interface, with every choice left to the tool.
    package init(interface: String) { self.interface = interface }
  }

  /// Several interfaces.
  package enum Several: Equatable, Sendable {
    /// Those of these names, their own or alternative ones.
    case named([String])
    /// All of this network namespace that have a device.
    case all
  }

  /// What a received stream must be, or the run fails.
  package struct Checks: Equatable, Sendable {
    /// What to compare the stream with; without one, the stream goes to standard output.
    package var pattern: Pattern?
    /// Of how many pieces of the stream the first one is compared.
    package var interval = 1
    /// How many bytes the stream must have, if that is known.
    package var expectedByteCount: Int?
    /// Whether payload that comes as plain frames is part of the stream.
    package var allowsPlain = false
    /// Whether the first payload outside of device memory ends the run.
    package var failsOnLinear = false

    /// Takes the stream as it comes.
    package init() {}
  }

  /// When a run ends its binding: the earlier, the more of the kernel's teardown it tries.
  package enum Unbinding: Int, Sendable {
    /// After the stream's end.
    case afterStream = 0
    /// When the first payload waits, before any is received.
    case beforeReceive = 1
    /// After the first payload is received.
    case afterReceive = 2
  }

  /// What a run reports, besides what it always does.
  package struct Output: Equatable, Sendable {
    /// Whether to print each message on standard error.
    package var traces = false
    /// Whether to report as JSON.
    package var reportsJSON = false
    /// Whether to report as JSON while the run lasts, an object a line.
    package var streamsJSON = false

    /// Neither trace nor JSON.
    package init() {}
  }
}
