// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Sockets
internal import Transfer
internal import Uring

/// Receives flows by one ring, which says whose payload comes next: that flow has its turn.
struct RingFlowEngine: FlowEngine, ~Copyable {
  private var shared: SharedRing.Shared
  /// The place of each flow, by its number in the ring.
  private let places: [UInt64: Int]
  private let stop: Descriptor?
  private(set) var ready: [Int] = []
  private var turns = 0

  /// - Parameters:
  ///   - flows: By their places.
  ///   - wait: Whose stop ends every wait.
  init(_ ring: SharedRing, for flows: [IncomingFlow], _ wait: Wait) throws(Failure) {
    shared = try ring.take()
    places = Dictionary(
      uniqueKeysWithValues: flows.enumerated().map { (UInt64($1.index), $0) })
    stop = wait.stop
    ready.reserveCapacity(1)
  }

  /// A flow asks the ring by itself, when it has its first turn.
  mutating func add(_ connection: borrowing Connection, as place: Int) {}

  mutating func remove(_ connection: borrowing Connection) {}

  mutating func wait(until deadline: Instant?, to operation: String) throws(Failure) -> Bool {
    ready.removeAll(keepingCapacity: true)
    let wait = Wait(until: deadline, orStoppedBy: stop)
    while try !findNext(operation) {
      guard try wait.for(shared.ring.descriptor, to: operation) else { return false }
    }
    turns &+= 1
    if turns % Self.turnsPerStopCheck == 0 { try wait.check(operation) }
    return true
  }

  /// How often a flow that has something is found between two looks for a stop.
  private static let turnsPerStopCheck = 64

  /// Looks whose payload comes next.
  ///
  /// - Returns: `false` if nothing waits.
  private mutating func findNext(_ operation: String) throws(Failure) -> Bool {
    let waiting = try attempt(operation) { () throws(Errno) in try shared.ring.gather() }
    guard waiting > 0 else { return false }
    let number = shared.ring.completion(0).number
    guard let place = places[number] else {
      throw Failure("receive", reason: "io_uring has something of no flow, \(number)")
    }
    ready.append(place)
    return true
  }

  mutating func step(
    _ loop: inout FlowLoop, from connection: borrowing Connection
  ) throws(Failure) -> ReceiveProgress {
    try loop.step(from: connection, with: &shared)
  }
}
