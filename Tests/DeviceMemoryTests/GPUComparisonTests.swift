// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Glibc
import Kernel
import TestSupport
import Testing

final class GPUComparisonTests {
  private static let size = 4 << 20
  /// As many bytes as the pattern has.
  private static let pattern: [UInt8] = [1, 2, 3, 4, 5, 6, 10]

  private let standIn: StandInCUDA
  private let buffer: DeviceBuffer
  private let setUp: Int

  init() throws {
    standIn = try StandInCUDA()
    buffer = try CUDAMemory(gpu: nil, near: "nosuch0", library: standIn.path)
      .allocate(byteCount: Self.size)
    setUp = standIn.calls.count
  }

  private func stream(_ range: Range<Int>) -> [UInt8] { range.map { Self.pattern[$0 % 7] } }

  @Test("the kernel is loaded, tried on known bytes and given back, in this order")
  func callsInOrder() throws {
    do { _ = try #require(try buffer.comparer(with: Self.pattern)) }
    let host = standIn.calls.last { $0.hasPrefix("cuMemAllocHost") } ?? ""
    #expect(
      standIn.calls[setUp...] == [
        "cuModuleLoadDataEx", "cuModuleGetFunction compare", "cuStreamCreate 1", host,
        "cuFlushGPUDirectRDMAWrites 0 100", "cuLaunchKernel 2", "cuStreamDestroy_v2",
        "cuMemFreeHost", "cuModuleUnload",
      ])
  }

  @Test("the kernel itself finds what is wrong, thread by thread", .timeLimit(.minutes(2)))
  func interpretsKernel() throws {
    _ = try #require(try buffer.comparer(with: Self.pattern))
    let directory = try Directory()
    try directory.write(standIn.kernel, to: "kernel")
    var process: pid_t = 0
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, directory.path + "/kernel", O_RDONLY, 0)
    let words = ["python3", StandInCUDA.interpreter, "1"]
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { for index in words.indices { unsafe free(arguments[index]) } }
    let spawned = unsafe posix_spawnp(&process, "python3", &actions, nil, &arguments, environ)
    try #require(spawned == 0)
    var status: CInt = -1
    _ = try retrying { unsafe waitpid(process, &status, 0) }
    #expect(status == 0)
  }

  @Test("a batch is one flush and one launch, whatever it has, and copies nothing")
  func comparesBatch() throws {
    let comparer = try #require(try buffer.comparer(with: Self.pattern))
    var comparison = try comparer.comparison()
    let before = standIn.calls.count
    standIn.write(stream(0..<5000), at: 4099)
    standIn.write(stream(5000..<5001), at: 1)
    comparison.add(4099..<9099, from: 0)
    comparison.add(1..<2, from: 5000)
    comparison.add(7..<7, from: 5001)
    let isRight = try comparison.compare()
    #expect(isRight)
    #expect(
      standIn.calls[before...] == ["cuFlushGPUDirectRDMAWrites 0 100", "cuLaunchKernel 3"])
    comparison.removeAll()
    let isEmptyRight = try comparison.compare()
    #expect(isEmptyRight && standIn.calls.count == before + 2)
  }

  @Test("wrong bytes are counted by the piece, and the first come with their place")
  func findsWrongBytes() throws {
    let comparer = try #require(try buffer.comparer(with: Self.pattern))
    var comparison = try comparer.comparison()
    standIn.write(stream(0..<3000), at: 0)
    standIn.write([99], at: 1000)
    standIn.write([98], at: 2999)
    standIn.write([UInt8](repeating: 0, count: 20), at: 1500)
    for start in [0, 1000, 2000] { comparison.add(start..<start + 1000, from: start) }
    let isRight = try comparison.compare()
    #expect(!isRight)
    let counts = (0..<3).map { comparison.wrongByteCount(of: $0) }
    #expect(counts == [0, 21, 1])
    let (first, second) = (comparison.mismatches(of: 1), comparison.mismatches(of: 2))
    #expect(first.map(\.pieceOffset) == [0] + Array(500..<506))
    #expect(first[0] == .init(pieceOffset: 0, expected: Self.pattern[1000 % 7], actual: 99))
    #expect(second == [.init(pieceOffset: 999, expected: Self.pattern[2999 % 7], actual: 98)])
    #expect(comparison.mismatches(of: 0).isEmpty)
  }

  @Test("the longest pattern's every byte is known, from each phase on", arguments: [2, 255, 256])
  func knowsPattern(period: Int) throws {
    let pattern = (0..<period).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
    let comparer = try #require(try buffer.comparer(with: pattern))
    var comparison = try comparer.comparison()
    standIn.write((0..<1024).map { pattern[$0 % period] }, at: 0)
    for start in 0..<512 { comparison.add(start..<1024, from: start) }
    let isRight = try comparison.compare()
    #expect(isRight)
  }

  @Test(
    "a kernel that is not loaded or does not start is reported in the driver's words",
    arguments: [
      ("cuModuleLoadDataEx=218", "CUDA_ERROR_INVALID_PTX (so says the stand-in): ptxas error"),
      ("cuModuleGetFunction=2", "cuModuleGetFunction: CUDA_ERROR_OUT_OF_MEMORY"),
      ("cuStreamCreate=2", "cuStreamCreate: CUDA_ERROR_OUT_OF_MEMORY"),
      ("cuMemAllocHost_v2=2@1", "cuMemAllocHost: CUDA_ERROR_OUT_OF_MEMORY"),
      ("cuLaunchKernel=719", "cuLaunchKernel: CUDA_ERROR_LAUNCH_FAILED"),
      ("cuStreamQuery=719", "cuStreamQuery: CUDA_ERROR_LAUNCH_FAILED"),
    ])
  func reportsFailures(call: String, words: String) throws {
    let standIn = try StandInCUDA(failure: call)
    do {
      let buffer = try CUDAMemory(gpu: nil, near: "nosuch0", library: standIn.path)
        .allocate(byteCount: Self.size)
      let failure = failing { () throws(Failure) in
        _ = try buffer.comparer(with: Self.pattern)
      }
      #expect(failure?.reason?.contains(words) == true, "\(failure?.description ?? "none")")
    }
    #expect(standIn.unreleased == 0)
    #expect(!standIn.calls.contains { $0.hasPrefix("violation") })
  }

  @Test("a kernel that finds what is not there is not used")
  func refusesLiar() throws {
    standIn.lie(.everywhere)
    let failure = failing { () throws(Failure) in _ = try buffer.comparer(with: Self.pattern) }
    #expect(failure?.reason == "the kernel's answers are wrong")
  }

  @Test("a piece without an answer is not taken for a right one")
  func needsAnswers() throws {
    let comparer = try #require(try buffer.comparer(with: Self.pattern))
    var comparison = try comparer.comparison()
    standIn.write(stream(0..<10), at: 0)
    comparison.add(0..<10, from: 0)
    standIn.lie(.silence)
    var failure: Failure?
    do throws(Failure) { _ = try comparison.compare() } catch { failure = error }
    #expect(failure?.reason == "the kernel has no answer for piece 0")
  }

  @Test("memory that the CPU reads in place has nothing of the kind")
  func isForGPUsOnly() throws {
    let directory = try Directory()
    try directory.write(String(repeating: "\0", count: 4096), to: "memory")
    let file = try OwnedDescriptor(opening: directory.path + "/memory", .readingAndWriting)
    let mapped = try DeviceBuffer(mapping: file, named: "a file")
    #expect(try mapped.comparer(with: Self.pattern) == nil)
  }
}
