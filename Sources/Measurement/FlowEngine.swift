// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import Sockets
internal import Transfer

/// What a thread receives its flows by: waits for all of them at once, and takes what waits of one.
/// A call for each flow does it, or a ring for all.
protocol FlowEngine: ~Copyable {
  /// Those flows that the last wait found to have something, by their places.
  var ready: [Int] { get }

  /// Has a flow waited for.
  ///
  /// - Parameter place: What `ready` calls it.
  mutating func add(_ connection: borrowing Connection, as place: Int) throws(Failure)

  /// Has a flow waited for no longer.
  mutating func remove(_ connection: borrowing Connection) throws(Failure)

  /// Waits until a flow has something.
  ///
  /// - Parameter deadline: When the wait ends; never if `nil`. One that has passed is no wait.
  /// - Returns: `false` if the deadline passed first.
  /// - Throws: A failure of the kind `stopped` after a stop.
  mutating func wait(until deadline: Instant?, to operation: String) throws(Failure) -> Bool

  /// Takes what one call has of a flow, without waiting.
  mutating func step(
    _ loop: inout FlowLoop, from connection: borrowing Connection
  ) throws(Failure) -> ReceiveProgress
}

/// What the calls for all flows of a thread use in turn.
protocol FlowShared: ~Copyable {
  /// Takes what one call has of a flow, without waiting.
  mutating func step(
    _ loop: inout FlowLoop, from connection: borrowing Connection
  ) throws(Failure) -> ReceiveProgress
}

extension DevmemShared: FlowShared where Memory == SharedMemory {
  mutating func step(
    _ loop: inout FlowLoop, from connection: borrowing Connection
  ) throws(Failure) -> ReceiveProgress {
    try loop.step(from: connection, with: &self)
  }
}

extension SocketShared: FlowShared {
  mutating func step(
    _ loop: inout FlowLoop, from connection: borrowing Connection
  ) throws(Failure) -> ReceiveProgress {
    try loop.step(from: connection, with: &self)
  }
}

/// Receives flows by a call for each, and waits for their sockets.
struct CallingFlowEngine<Shared: FlowShared & ~Copyable>: FlowEngine, ~Copyable {
  private var sockets: EpollSet
  private var shared: Shared

  /// - Parameters:
  ///   - shared: What the calls use in turn.
  ///   - wait: Whose stop ends every wait.
  init(using shared: consuming Shared, _ wait: Wait) throws(Failure) {
    sockets = try EpollSet(stoppedBy: wait.stop)
    self.shared = shared
  }

  var ready: [Int] { sockets.ready }

  mutating func add(_ connection: borrowing Connection, as place: Int) throws(Failure) {
    try sockets.add(connection.descriptor, as: place)
  }

  mutating func remove(_ connection: borrowing Connection) throws(Failure) {
    try sockets.remove(connection.descriptor)
  }

  mutating func wait(until deadline: Instant?, to operation: String) throws(Failure) -> Bool {
    try sockets.wait(until: deadline, to: operation)
  }

  mutating func step(
    _ loop: inout FlowLoop, from connection: borrowing Connection
  ) throws(Failure) -> ReceiveProgress {
    try shared.step(&loop, from: connection)
  }
}
