// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Kernel
import Payload
import Sockets
import TestSupport
import Testing
import Transfer

/// A connection behind which a NIC reuses memory at once: who returns a token finds other bytes where
/// its fragment was.
private final class ReusingConnection: DevmemSource {
  private let connection: ScriptedConnection
  private let reuse: (_ token: UInt32) -> Void

  init(_ steps: [ScriptedConnection.Step], reuse: @escaping (_ token: UInt32) -> Void) throws {
    connection = try ScriptedConnection(steps)
    self.reuse = reuse
  }

  var descriptor: Descriptor { connection.descriptor }

  func receive(into frame: inout ReceiveFrame) throws(Errno) -> Int {
    try connection.receive(into: &frame)
  }

  func setReadableThreshold(_ bytes: Int) throws(Errno) {
    try connection.setReadableThreshold(bytes)
  }

  func returnTokens(_ tokens: Span<CLinux_dmabuf_token>) throws(Errno) -> Int {
    for place in tokens.indices {
      let start = tokens[place].token_start
      for token in start..<start + tokens[place].token_count { reuse(token) }
    }
    return try connection.returnTokens(tokens)
  }
}

/// Keeps the lines that a sink reports.
private final class Report {
  private(set) var lines: [String] = []

  func add(_ line: String) { lines.append(line) }
}

struct GPUValidatingSinkTests {
  private static let size = 4 << 20
  private let pattern = Pattern(period: 7)!

  /// What one run found.
  private struct Outcome: Equatable {
    var lines: [String] = []
    var wrong: Int?
    var checked = 0
    var failure: String?
  }

  /// A piece of a stream: in device memory at an offset, or in host memory.
  private enum Part {
    case device(Int, [UInt8])
    case linear([UInt8])
  }

  private func memory(of standIn: StandInCUDA) throws -> DeviceBuffer {
    try CUDAMemory(gpu: nil, near: "nosuch0", library: standIn.path).allocate(byteCount: Self.size)
  }

  /// The calls of `recvmsg` that describe batches of parts, which are written to the memory.
  private func steps(
    _ batches: [[Part]], on standIn: StandInCUDA
  ) -> [ScriptedConnection.Step] {
    var token: UInt32 = 0
    return batches.map { parts -> ScriptedConnection.Step in
      var messages = ControlMessageBytes()
      var (plain, count): ([UInt8], Int) = ([], 0)
      for part in parts {
        switch part {
        case .device(let offset, let bytes):
          standIn.write(bytes, at: offset)
          messages.addFragment(offset: UInt64(offset), size: UInt32(bytes.count), token: token)
          token += 1
          count += bytes.count
        case .linear(let bytes):
          messages.addLinear(size: UInt32(bytes.count))
          plain += bytes
          count += bytes.count
        }
      }
      return .payload(returns: count, plain: plain, control: messages.bytes)
    } + [.end]
  }

  private func run<Sink: PayloadSink & ~Copyable, Source: DevmemSource>(
    _ sink: consuming Sink, over source: Source, in memory: SharedMemory
  ) -> Outcome {
    var loop = ReceiveLoop(
      by: DevmemEngine<Source, SharedMemory>(through: 7), into: Intake(into: sink),
      memorySize: Self.size)
    var shared = DevmemShared(memory)
    var outcome = Outcome()
    do throws(Failure) {
      _ = try loop.run(from: source, with: &shared, Wait())
    } catch {
      outcome.failure = error.line
    }
    outcome.wrong = loop.intake.sink.wrongByteCount
    outcome.checked = loop.intake.sink.checkedByteCount
    return outcome
  }

  /// What the GPU's and the CPU's ways find in the same stream.
  private func outcomes(
    _ batches: [[Part]], every interval: Int = 1
  ) throws -> (gpu: Outcome, host: Outcome, calls: [String]) {
    let standIn = try StandInCUDA()
    let buffer = try memory(of: standIn)
    let comparer = try #require(try buffer.comparer(with: pattern.bytes))
    let memory = SharedMemory(buffer)
    let steps = steps(batches, on: standIn)
    let (onGPU, onHost) = (Report(), Report())
    let setUp = standIn.calls.count
    var gpu = run(
      GPUValidatingSink(
        pattern, by: try comparer.comparison(), every: interval, report: onGPU.add),
      over: try ScriptedConnection(steps), in: memory)
    let calls = Array(standIn.calls[setUp...])
    var host = run(
      ValidatingSink(pattern, every: interval, report: onHost.add),
      over: try ScriptedConnection(steps), in: memory)
    gpu.lines = onGPU.lines
    host.lines = onHost.lines
    #expect(!standIn.calls.contains { $0.hasPrefix("violation") })
    return (gpu, host, calls)
  }

  private func stream(_ range: Range<Int>, wrong: Int...) -> [UInt8] {
    range.map { wrong.contains($0) ? 0xee : pattern.byte(at: $0) }
  }

  @Test(
    "a right stream is compared by one launch for each recvmsg; of batch 1, 2, 4... by the CPU too")
  func comparesBatches() throws {
    let (gpu, host, calls) = try outcomes(
      [[.device(4096, stream(0..<1448)), .device(1, stream(1448..<2896))]]
        + (0..<8).map { batch in
          let start = 2896 + batch * 10
          return [.device(8192 + start, stream(start..<start + 10))]
        })
    #expect(gpu == host && gpu == Outcome(wrong: 0, checked: 2976))
    #expect(
      calls.filter { $0.hasPrefix("cuLaunchKernel") }
        == ["cuLaunchKernel 2"] + [String](repeating: "cuLaunchKernel 1", count: 8))
    #expect(
      calls.filter { $0.hasPrefix("cuMemcpy") } == [
        "cuMemcpyDtoH_v2 1 5543", "cuMemcpyDtoH_v2 11088 10", "cuMemcpyDtoH_v2 11108 10",
        "cuMemcpyDtoH_v2 11148 10",
      ])
  }

  @Test("what is wrong is found and reported as the CPU does, with one copy for each recvmsg")
  func reportsAsHost() throws {
    let (gpu, host, calls) = try outcomes([
      [.device(4096, stream(0..<1448, wrong: 0, 700)), .device(0, stream(1448..<2896))],
      [
        .device(20_003, stream(2896..<3000, wrong: 2999)),
        .linear(stream(3000..<3010, wrong: 3001)),
        .device(30_000, stream(3010..<3020, wrong: 3019)),
      ],
    ])
    #expect(gpu == host)
    #expect(gpu.wrong == 5 && gpu.lines.count == 5)
    #expect(
      gpu.lines.last == "wrong byte at 3019: expected 3, got 238 (fragment 3, token 3, page 7)")
    #expect(
      calls.filter { $0.hasPrefix("cuMemcpyDtoH") } == [
        "cuMemcpyDtoH_v2 0 5544", "cuMemcpyDtoH_v2 20003 104", "cuMemcpyDtoH_v2 30000 10",
      ])
  }

  @Test("a fragment that is longer than a piece is one to those who read the report")
  func splitsFragments() throws {
    let limit = GPUComparison.pieceLimit
    let (gpu, host, calls) = try outcomes([
      [.device(8, stream(0..<3 * limit + 5, wrong: limit - 1, limit, 3 * limit + 4))]
    ])
    #expect(gpu == host && gpu.wrong == 3)
    #expect(gpu.lines.allSatisfy { $0.contains("(fragment 0, token 0, page ") })
    #expect(calls.contains("cuLaunchKernel 4"))
  }

  @Test("no more than 20 wrong bytes are reported, and all are counted")
  func limitsReport() throws {
    let (gpu, host, _) = try outcomes([
      [
        .device(0, [UInt8](repeating: 0, count: 15)),
        .device(100, [UInt8](repeating: 0, count: 30)),
      ],
      [.device(200, [UInt8](repeating: 0, count: 5))],
    ])
    #expect(gpu == host && gpu.wrong == 50 && gpu.lines.count == 20)
  }

  @Test("a sample is that of the CPU", arguments: [2, 3])
  func samples(interval: Int) throws {
    let batches = (0..<4).map { batch -> [Part] in
      (0..<3).map { part in
        let start = (batch * 3 + part) * 100
        return .device(start, stream(start..<start + 100, wrong: start + 50))
      }
    }
    let (gpu, host, _) = try outcomes(batches + [[.linear(stream(1200..<1210))]], every: interval)
    #expect(gpu == host)
    #expect(gpu.wrong == 12 / interval && gpu.checked < 1210)
  }

  @Test("no token is returned before its fragment is compared")
  func comparesBeforeReturn() throws {
    let standIn = try StandInCUDA()
    let buffer = try memory(of: standIn)
    let comparer = try #require(try buffer.comparer(with: pattern.bytes))
    // No two tokens make one range: there are more than one return takes, within one recvmsg.
    let count = TokenBatch.rangeLimit + 10
    var messages = ControlMessageBytes()
    for index in 0..<count {
      standIn.write(stream(index * 8..<index * 8 + 8), at: index * 128)
      messages.addFragment(offset: UInt64(index * 128), size: 8, token: UInt32(2 * index))
    }
    let steps = [
      ScriptedConnection.Step.payload(returns: count * 8, control: messages.bytes), .end,
    ]
    var reused = 0
    let source = try ReusingConnection(steps) { token in
      standIn.write([UInt8](repeating: 0xff, count: 8), at: Int(token) / 2 * 128)
      reused += 1
    }
    let outcome = run(
      GPUValidatingSink(pattern, by: try comparer.comparison()) { _ in }, over: source,
      in: SharedMemory(buffer))
    #expect(outcome == Outcome(wrong: 0, checked: count * 8))
    #expect(reused == count)
  }

  @Test("more pieces than a batch has room for are compared by several launches")
  func overflows() throws {
    let pattern = try #require(Pattern(period: 16))
    let standIn = try StandInCUDA()
    let buffer = try memory(of: standIn)
    let comparer = try #require(try buffer.comparer(with: pattern.bytes))
    let size = 3 * GPUComparison.pieceLimit
    standIn.write((0..<size).map(pattern.byte), at: 0)
    var messages = ControlMessageBytes()
    for token in 0..<1024 {
      messages.addFragment(offset: 0, size: UInt32(size), token: UInt32(token))
    }
    let outcome = run(
      GPUValidatingSink(pattern, by: try comparer.comparison()) { _ in },
      over: try ScriptedConnection([
        .payload(returns: 1024 * size, control: messages.bytes), .end,
      ]), in: SharedMemory(buffer))
    #expect(outcome == Outcome(wrong: 0, checked: 1024 * size))
    #expect(
      standIn.calls.filter { $0.hasPrefix("cuLaunchKernel") }.dropFirst() == [
        "cuLaunchKernel \(GPUComparison.capacity)",
        "cuLaunchKernel \(3 * 1024 - GPUComparison.capacity)",
      ])
  }

  @Test("a GPU that finds what the CPU does not is an error of its own")
  func disagrees() throws {
    let standIn = try StandInCUDA()
    let buffer = try memory(of: standIn)
    let comparer = try #require(try buffer.comparer(with: pattern.bytes))
    let steps = steps([[.device(64, stream(0..<100))]], on: standIn)
    standIn.lie(.onGPU)
    let connection = try ScriptedConnection(steps)
    let outcome = run(
      GPUValidatingSink(pattern, by: try comparer.comparison()) { _ in }, over: connection,
      in: SharedMemory(buffer))
    #expect(
      outcome.failure == """
        cannot validate fragment 0 (100 bytes at 64): the GPU finds 1 wrong bytes, the CPU 0 in the \
        copy of them
        """)
    #expect(outcome.wrong == 0)
    #expect(connection.returns == [[[0, 1]]])
  }

  @Test("a GPU that finds nothing where something is wrong is found out")
  func seesBlindness() throws {
    let standIn = try StandInCUDA()
    let buffer = try memory(of: standIn)
    let comparer = try #require(try buffer.comparer(with: pattern.bytes))
    let steps = steps([[.device(64, stream(0..<100, wrong: 7))]], on: standIn)
    standIn.lie(.blindness)
    let outcome = run(
      GPUValidatingSink(pattern, by: try comparer.comparison()) { _ in },
      over: try ScriptedConnection(steps), in: SharedMemory(buffer))
    #expect(outcome.failure?.contains("the GPU finds 0 wrong bytes, the CPU 1") == true)
    #expect(outcome.wrong == 1)
  }

  @Test("a kernel that fails in the run fails it with the driver's words; the tokens are returned")
  func failsInRun() throws {
    let standIn = try StandInCUDA(failure: "cuLaunchKernel=719@1")
    let buffer = try memory(of: standIn)
    let comparer = try #require(try buffer.comparer(with: pattern.bytes))
    let connection = try ScriptedConnection(steps([[.device(0, stream(0..<10))]], on: standIn))
    let outcome = run(
      GPUValidatingSink(pattern, by: try comparer.comparison()) { _ in }, over: connection,
      in: SharedMemory(buffer))
    #expect(outcome.failure?.contains("cuLaunchKernel: CUDA_ERROR_LAUNCH_FAILED") == true)
    #expect(connection.returns == [[[0, 1]]])
  }
}
