// SPDX-License-Identifier: GPL-2.0-only

internal import Bare
internal import CLinux
internal import DeviceMemory
internal import Glibc
internal import Kernel
internal import Payload
internal import Script
internal import Sockets
internal import Transfer

/// Messages such as `recvmsg` leaves, of a stream that lies in memory, and the memory. The calls
/// repeat after the last one, in the middle of no period of the pattern.
@safe struct Recording: ~Copyable {
  /// As many as a receiver finds that keeps up with 200 Gbit/s and wakes every 12 µs; of large
  /// ones, as many as fit in a frame.
  let fragmentsPerCall: Int

  private static let binding: UInt32 = 7
  private static let pattern = Pattern(period: 7)!

  private let fragmentSize: Int
  private let memory: SharedMemory
  private let connection: Connection
  private let null: OwnedDescriptor
  private let control: UnsafeMutableRawBufferPointer
  private let calls: UnsafeMutableBufferPointer<script_call>
  /// The pattern as the bare loop wants it.
  private let written: UnsafeMutableBufferPointer<CChar>

  /// - Parameters:
  ///   - memorySize: Of how much memory the fragments are, about, in bytes.
  ///   - scattersTokens: Whether no token follows the one before it.
  init(fragmentSize: Int, memorySize: Int, scattersTokens: Bool) {
    self.fragmentSize = fragmentSize
    fragmentsPerCall = min(203, ReceiveFrame.payloadCapacity / fragmentSize)
    let stride = (fragmentSize + 4095) & ~4095
    // Of whole periods, however long a fragment is.
    let period = Self.pattern.period
    let callCount = max(1, memorySize / (stride * fragmentsPerCall * period)) * period
    let count = callCount * fragmentsPerCall
    unsafe (control, calls) = (
      .allocate(byteCount: count * 40, alignment: 8), .allocate(capacity: callCount)
    )
    unsafe written = .allocate(capacity: Int(BARE_LARGEST) + period)
    for offset in 0..<Int(BARE_LARGEST) + period {
      unsafe written[offset] = CChar(bitPattern: Self.pattern.byte(at: offset))
    }
    do {
      null = try OwnedDescriptor(opening: "/dev/null", .writing)
      let socket = try retrying {
        Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      }
      connection = Connection(owning: OwnedDescriptor(owning: socket))
      memory = SharedMemory(
        try Self.memory(of: count, fragmentSize: fragmentSize, stride: stride))
    } catch { fail("\(error)") }
    for index in 0..<count {
      let inCall = index % fragmentsPerCall
      write(
        Fragment(
          offset: UInt64(index * stride), size: UInt32(fragmentSize),
          token: UInt32(scattersTokens ? 3 * inCall : inCall), binding: Self.binding),
        at: index)
    }
    let length = fragmentsPerCall * 40
    for index in 0..<callCount {
      unsafe calls[index] = script_call(
        control: control.baseAddress! + index * length, length: length,
        bytes: fragmentsPerCall * fragmentSize)
    }
  }

  deinit {
    unsafe control.deallocate()
    unsafe calls.deallocate()
    unsafe written.deallocate()
  }

  /// Memory that the pattern lies in, a fragment at a time. To `mmap`, a memfd is like a dma-buf.
  private static func memory(
    of count: Int, fragmentSize: Int, stride: Int
  ) throws -> DeviceBuffer {
    let file = OwnedDescriptor(
      owning: try retrying { unsafe CLinux_memfd_create("receive-benchmark", 0) })
    try retrying { ftruncate(file.rawValue, count * stride) }
    var buffer = try DeviceBuffer(mapping: file, named: "memory")
    let generator = PatternGenerator(pattern)
    for index in 0..<count {
      let start = index * stride
      var bytes = buffer.mutableBytes(in: start..<start + fragmentSize)
      generator.fill(&bytes, from: index * fragmentSize)
    }
    return buffer
  }

  /// Writes a fragment's control message.
  private func write(_ fragment: Fragment, at index: Int) {
    let message = unsafe UnsafeMutableRawBufferPointer(
      rebasing: control[index * 40..<(index + 1) * 40])
    unsafe message.storeBytes(of: 40, as: Int.self)
    unsafe message.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
    unsafe message.storeBytes(of: CInt(CLinux_SCM_DEVMEM_DMABUF), toByteOffset: 12, as: CInt.self)
    unsafe message.storeBytes(
      of: CLinux_dmabuf_cmsg(
        frag_offset: fragment.offset, frag_size: fragment.size, frag_token: fragment.token,
        dmabuf_id: fragment.binding, flags: 0), toByteOffset: 16, as: CLinux_dmabuf_cmsg.self)
  }

  /// Receives so many calls' messages, and ends the program if a byte, a fragment or a token is not
  /// what it should be.
  func run(_ trial: Trial, by side: Side, calls callCount: Int) {
    let socket = connection.descriptor.rawValue
    unsafe script_begin(socket, calls.baseAddress, calls.count, callCount)
    let fragments: Int
    switch side {
    case .bare:
      fragments = unsafe memory.bytes.withUnsafeBytes { unsafe runBare(trial, socket, in: $0) }
    case .tool:
      do throws(Failure) { fragments = try runTool(trial) } catch { fail("\(error)") }
    }
    let expected = callCount * fragmentsPerCall
    guard fragments == expected, script_returned() == expected else {
      fail("\(fragments) fragments and \(script_returned()) tokens, not \(expected)")
    }
  }

  private func runBare(
    _ trial: Trial, _ socket: CInt, in bytes: UnsafeRawBufferPointer
  ) -> Int {
    var receiver = unsafe bare_receiver()
    unsafe receiver.socket = socket
    unsafe receiver.output = -1
    unsafe receiver.dmabuf = memory.buffer.descriptor.rawValue
    let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    switch trial {
    case .drained, .drainedScattered: break
    case .written:
      unsafe receiver.memory = start
      unsafe receiver.output = null.rawValue
    case .validated, .validatedStream:
      unsafe receiver.memory = start
      unsafe receiver.pattern = UnsafePointer(written.baseAddress)
      unsafe receiver.period = CUnsignedInt(Self.pattern.period)
    }
    let error = unsafe bare_receive(&receiver)
    guard error == 0 else { fail("the bare loop: \(Errno(error))") }
    return unsafe Int(receiver.fragments)
  }

  private func runTool(_ trial: Trial) throws(Failure) -> Int {
    switch trial {
    case .drained, .drainedScattered:
      return try runFlow(MeasuredSink(nil, report: { _ in }))
    case .validated:
      return try runFlow(MeasuredSink(Self.pattern, report: { fail($0) }))
    case .validatedStream:
      return try runStream(ValidatingSink(Self.pattern, report: { fail($0) }))
    case .written:
      return try runStream(OutputSink(to: null.borrowed, Wait()))
    }
  }

  /// As a thread that serves several flows does.
  private func runFlow(_ sink: consuming MeasuredSink) throws(Failure) -> Int {
    var loop = loop(into: sink)
    var shared = DevmemShared(memory)
    while true {
      if case .endOfStream = try loop.step(from: connection, with: &shared) {
        return loop.statistics.fragments
      }
    }
  }

  private func runStream<Sink: PayloadSink & ~Copyable>(
    _ sink: consuming Sink
  ) throws(Failure) -> Int {
    var loop = loop(into: sink)
    var shared = DevmemShared(memory)
    _ = try loop.run(from: connection, with: &shared, Wait())
    return loop.statistics.fragments
  }

  private func loop<Sink: PayloadSink & ~Copyable>(
    into sink: consuming Sink
  ) -> ReceiveLoop<DevmemEngine<Connection, SharedMemory>, Sink> {
    ReceiveLoop(
      by: DevmemEngine(through: Self.binding), into: Intake(into: sink),
      memorySize: memory.bytes.byteCount)
  }
}
