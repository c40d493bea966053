// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Options
internal import Payload
internal import Sockets
internal import Transfer
internal import Uring

/// Does what the kernel's test tool `iou-zcrx` does, and prints what failed.
///
/// - Parameter words: What follows the program's name.
/// - Returns: The exit status as that tool has it: 42 for what is not supported, in words on the
///   standard output, which tests print as the reason to skip; else 1.
package func runZeroCopyTest(words: [String]) -> Int32 {
  StopSignals.ignoreBrokenPipes()
  do throws(Failure) {
    switch try ZeroCopyTest(words: words) {
    case .receive(let receive): try receive.run()
    case .send(let send): try send.run()
    }
    return 0
  } catch {
    guard error.kind == .unsupported else {
      Diagnostics.print(error)
      return 1
    }
    try? StandardOutput.print(error.line)
    return 42
  }
}

/// How long the C tool waits for its peer.
private let patience = Duration.seconds(5)

extension ZeroCopyTest.Receive {
  /// As much as the C tool has, in bytes.
  private static let areaSize = 8192 * pageSize

  fileprivate func run() throws(Failure) {
    let interface = try Interface(named: interface)
    let hasLargeBuffers = (pagesPerBuffer ?? 1) > 1
    let memory: DeviceBuffer
    do throws(Failure) {
      let pages = hasLargeBuffers ? UDMABuf.PageSize.huge2MiB : .base
      memory = try PageMemory(pages).allocate(byteCount: Self.areaSize)
    } catch {
      throw hasLargeBuffers ? error.counted(as: .unsupported) : error
    }
    var shared = try share(memory, with: interface)
    guard !isTrial else { return }
    let wait = Wait()
    let listener = try Listener(
      on: SocketAddress(IPAddress(octets: [UInt8](repeating: 0, count: 16)), port: port))
    let connection = try listener.next(wait, for: patience)
    var loop = ReceiveLoop(
      by: ZeroCopyEngine<ZeroCopyRing, SharedMemory>(
        as: 0, requesting: requests.map { _ in pageSize }),
      into: Intake(into: ValidatingSink(.alphabet) { Diagnostics.print($0) }),
      memorySize: Self.areaSize, waitsForBatches: false, silence: Silence(upTo: patience))
    _ = try loop.run(from: connection, with: &shared, wait)
    try check(loop.statistics, wrongBytes: loop.intake.sink.wrongByteCount ?? 0)
  }

  /// Gives a ring all of the memory, and this thread the ring.
  private func share(
    _ memory: consuming DeviceBuffer, with interface: borrowing Interface
  ) throws(Failure) -> ZeroCopyShared<ZeroCopyRing, SharedMemory> {
    let memory = SharedMemory(memory)
    let ring: ZeroCopyRing
    do throws(Failure) {
      ring = try ZeroCopyRing(
        of: queue, ofInterface: interface.index, named: interface.subject,
        into: ZeroCopyRing.Area(of: memory.buffer),
        bufferSize: pagesPerBuffer.map { UInt32($0 * pageSize) })
    } catch {
      let mayBeSize: [Errno] = [.invalidArgument, .notSupported, .outOfRange]
      guard pagesPerBuffer != nil, let errno = error.errno, mayBeSize.contains(errno) else {
        throw error
      }
      throw error.counted(as: .unsupported)
    }
    try ring.enable()
    return ZeroCopyShared(ring, in: memory, at: 0..<Self.areaSize)
  }

  private func check(_ statistics: ReceiveStatistics, wrongBytes: Int) throws(Failure) {
    let count = statistics.totalBytes
    guard wrongBytes == 0 else {
      throw Failure("receive", reason: "\(wrongBytes) of \(count) bytes are wrong")
    }
    guard count > 0 else { throw Failure("receive", reason: "the stream ended without a byte") }
    if let requests, count > (requests + 1) * pageSize {
      throw Failure(
        "receive",
        reason: "\(count) bytes came, and \(requests + 1) requests are for a page each")
    }
  }
}

extension ZeroCopyTest.Send {
  fileprivate func run() throws(Failure) {
    let wait = Wait().limited(to: patience)
    let connection = try Connection(
      to: SocketAddress(address, port: port), from: nil, through: 0, wait)
    let generator = PatternGenerator(.alphabet)
    // Whole periods, so that a chunk that begins at any place of one is in it.
    var payload = [UInt8](repeating: 0, count: chunkSize + generator.pattern.period)
    var span = payload.mutableSpan
    var bytes = unsafe span.mutableBytes
    generator.fill(&bytes)
    var sent = 0
    while sent < byteCount {
      let phase = sent % generator.pattern.period
      let count = min(chunkSize, byteCount - sent)
      try connection.sendCopies(
        of: payload.span.extracting(phase..<phase + count), wait, within: patience, to: "send",
        orBecause: "the receiver takes nothing")
      sent += count
    }
  }
}

extension ZeroCopyRing.Area {
  /// The whole of a memory.
  init(of buffer: borrowing DeviceBuffer) {
    if let pages = unsafe buffer.pages {
      unsafe self.init(pages: pages, byteCount: buffer.byteCount)
    } else {
      self.init(dmabuf: buffer.descriptor.borrowed, byteCount: buffer.byteCount)
    }
  }
}
