// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload
internal import Sockets

/// One of several streams that are received at once.
final class IncomingFlow {
  /// Counted from 0, in the order of the connections.
  let index: Int
  let connection: Connection
  let counters = FlowCounters()
  /// The CPU on which the kernel took the connection's first packets, where it told.
  let incomingCPU: Int?
  private var loop: ReceiveLoop
  private var sink: FlowSink
  private var pace: ReceivePace
  /// Whether something may wait to be received.
  private(set) var isReady = true
  private(set) var isAtEnd = false

  /// Calls of `recvmsg` for one flow before it is another one's turn.
  private static let callsPerTurn = 16

  /// - Parameter memorySize: The flow's share of the bound memory, in bytes.
  init(
    _ index: Int, over connection: consuming Connection, through binding: UInt32,
    memorySize: Int, checking pattern: Pattern?, every interval: Int, failsOnLinear: Bool
  ) throws(Failure) {
    self.index = index
    loop = ReceiveLoop(binding: binding, failsOnLinear: failsOnLinear)
    sink = FlowSink(pattern, every: interval, of: index)
    pace = ReceivePace(memorySize: memorySize)
    do throws(Errno) {
      incomingCPU = try connection.incomingCPU()
    } catch {
      throw Failure("ask for a connection's CPU", errno: error)
    }
    self.connection = connection
  }

  var figures: FlowFigures {
    FlowFigures(loop.statistics, wrongBytes: sink.wrongByteCount ?? 0)
  }

  /// Whether payload came so fast that a batch of it is worth a moment's wait.
  var isRunning: Bool { !isAtEnd && pace.isRunning }

  /// Takes what waits, for a turn.
  ///
  /// - Parameter frame: What the calls fill, shared by the flows of a thread.
  func serve(_ frame: inout ReceiveFrame, in memory: borrowing DeviceBuffer) throws(Failure) {
    for _ in 0..<Self.callsPerTurn {
      let progress = try loop.step(
        from: connection, into: &frame, in: memory, into: &sink, at: &pace)
      counters.publish(figures)
      guard case .more = progress else {
        isReady = false
        if case .endOfStream = progress { isAtEnd = true }
        return
      }
    }
  }

  /// Notes that there is something to receive.
  func wake() { isReady = !isAtEnd }

  /// Notes that a batch did not come in a moment: less will do.
  func expectLess() {
    guard isRunning else { return }
    pace.stop()
    isReady = true
  }

  /// Returns the tokens that the flow still holds, as far as the kernel takes them: its failure is
  /// the one that is told.
  func settle() {
    do throws(Failure) { try loop.returnTokens(to: connection) } catch {}
    counters.publish(figures)
  }
}
