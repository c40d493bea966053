// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A ring that receives what one RX queue puts straight into an area of memory. All connections
/// whose packets come through that queue can receive by it; a piece belongs to the user until it is
/// given back. When its owner goes away the kernel gives the queue back to the driver, some
/// milliseconds later.
@safe package struct ZeroCopyRing: ~Copyable {
  /// Memory that the NIC writes into.
  @safe package struct Area {
    fileprivate let address: UInt64
    fileprivate let dmabuf: Descriptor?
    /// Size in bytes, whole pages.
    package let byteCount: Int

    /// Pages of the process. They must stay as long as the ring.
    package init(pages: UnsafeMutableRawPointer, byteCount: Int) {
      address = UInt64(UInt(bitPattern: pages))
      dmabuf = nil
      self.byteCount = byteCount
    }

    /// The whole of a dma-buf, which the kernel holds by itself.
    package init(dmabuf: Descriptor, byteCount: Int) {
      address = 0
      self.dmabuf = dmabuf
      self.byteCount = byteCount
    }
  }

  private var ring: Ring
  private var refill: RefillRing
  /// The kernel's number for the queue's registration in this ring.
  private let number: UInt32
  /// The RX queue.
  package let queue: UInt32

  /// How many connections can be asked for at once, and how many completions can wait: what comes
  /// while those are full waits in its socket.
  private static let requests: UInt32 = 1024
  private static let completions: UInt32 = 8192

  /// Has the driver restart an RX queue with an area for its buffers. The corresponding C constant is
  /// `IORING_REGISTER_ZCRX_IFQ`.
  ///
  /// - Parameters:
  ///   - interface: The interface's index.
  ///   - subject: The interface for people.
  ///   - bufferSize: The size of the NIC's buffers in bytes; a page if `nil`.
  /// - Throws: A failure of the kind `unsupported` where kernel, driver or memory cannot do it.
  package init(
    of queue: UInt32, ofInterface interface: UInt32, named subject: String, into area: Area,
    bufferSize: UInt32? = nil
  ) throws(Failure) {
    let ring = try Self.makeRing()
    let memory = try attempt("make a refill ring") { () throws(Errno) in
      try Mapping(ofNewMemory: RefillRing.byteCount)
    }
    var registration = CLinux_zcrx_ifq_reg()
    registration.if_idx = interface
    registration.if_rxq = queue
    registration.rq_entries = RefillRing.capacity
    registration.rx_buf_len = bufferSize ?? 0
    var region = CLinux_io_uring_region_desc()
    region.user_addr = UInt64(UInt(bitPattern: unsafe memory.base))
    region.size = UInt64(memory.count)
    region.flags = UInt32(CLinux_IORING_MEM_REGION_TYPE_USER)
    let token: UInt64
    do throws(Errno) {
      token = try ring.register(&registration, &region, area)
    } catch {
      throw Failure("receive by io_uring through", on: "queue \(queue) of \(subject)", errno: error)
        .explained(by: area.dmabuf == nil ? Refusal.ofPages : Refusal.ofDMABufs)
    }
    refill = RefillRing(
      memory,
      offsets: (
        Int(registration.head_offset), Int(registration.tail_offset),
        Int(registration.rqes_offset)
      ), token: token)
    number = registration.zcrx_id
    self.queue = queue
    self.ring = ring
  }

  /// Looks whether this kernel lets this process receive by a ring at all, by making one.
  ///
  /// - Throws: A failure of the kind `unsupported` where it does not.
  package static func checkSupport() throws(Failure) { _ = try makeRing() }

  private static func makeRing() throws(Failure) -> Ring {
    let ring: Ring
    do throws(Errno) {
      ring = try Ring(requests: requests, completions: completions)
    } catch {
      throw Failure("make an io_uring", errno: error).explained(by: Refusal.ofRings)
    }
    guard ring.supports(CInt(CLinux_IORING_OP_RECV_ZC.rawValue)) else {
      throw Failure(
        "receive by io_uring", reason: "this kernel's io_uring has no zero-copy receive",
        hint: "it needs Linux 6.15 with CONFIG_IO_URING_ZCRX", kind: .unsupported)
    }
    return ring
  }

  /// Lets the calling thread, and no other one, receive by the ring.
  package func enable() throws(Failure) {
    try attempt("enable an io_uring") { () throws(Errno) in try ring.enable() }
  }

  /// Has the kernel take what was given back even while the NIC has buffers: it copies what comes
  /// otherwise into buffers that are free. The corresponding C constant is `ZCRX_CTRL_FLUSH_RQ`.
  ///
  /// - Throws: `EINVAL` where the kernel has no such command.
  private func flush() throws(Errno) {
    var control = CLinux_zcrx_ctrl()
    control.zcrx_id = number
    control.op = UInt32(CLinux_ZCRX_CTRL_FLUSH_RQ)
    try unsafe ring.register(UInt32(CLinux_IORING_REGISTER_ZCRX_CTRL), &control, count: 0)
  }
}

extension ZeroCopyRing: ZeroCopySource {
  package var descriptor: Descriptor { ring.descriptor }

  package mutating func request(
    from connection: Descriptor, as number: UInt64, count: Int
  ) throws(Errno) {
    try ring.request(from: connection, as: number, count: count, through: self.number)
  }

  package mutating func gather() throws(Errno) -> Int {
    if ring.mustGather { try ring.gather() }
    return ring.waiting
  }

  package func completion(_ index: Int) -> Completion { ring.completion(index) }

  package mutating func take(_ count: Int) throws(Errno) {
    var given = 0
    var tries = 0
    while given < count {
      let completion = ring.completion(given)
      if completion.result > 0,
        !refill.append(offset: completion.offset, size: completion.result)
      {
        // The kernel reads on when the NIC takes new buffers, and by itself where it can flush.
        refill.publish()
        tries += 1
        guard tries <= Self.patience else {
          ring.take(given)
          throw .noBuffers
        }
        do throws(Errno) { try flush() } catch { pause(for: .milliseconds(1)) }
        continue
      }
      given += 1
    }
    refill.publish()
    ring.take(count)
  }

  package mutating func makeRoom() -> Bool {
    refill.publish()
    do throws(Errno) {
      try flush()
      return true
    } catch {
      return false
    }
  }

  package var copiedByteCount: Int { refill.copiedByteCount }

  /// How often the kernel is asked to read what was given back, where there is no room for more.
  private static let patience = 1000
}

/// What the receive loop asks of a ring. Tests put a scripted one in its place.
package protocol ZeroCopySource: ~Copyable {
  /// Readable when there is something to gather.
  var descriptor: Descriptor { get }

  /// Asks for what a connection receives from now on, until its end or an error.
  ///
  /// - Parameters:
  ///   - number: What the completions are to carry.
  ///   - count: How many bytes to receive; 0 for all. Each request ends by a completion without
  ///     payload.
  mutating func request(from connection: Descriptor, as number: UInt64, count: Int) throws(Errno)

  /// Has the kernel go on, without waiting.
  ///
  /// - Returns: How many completions wait to be taken.
  mutating func gather() throws(Errno) -> Int

  /// A completion that waits.
  ///
  /// - Parameter index: Counted from 0, in the order in which they came.
  func completion(_ index: Int) -> Completion

  /// Takes the first completions that wait, and gives their pieces back to the NIC.
  ///
  /// - Throws: `ENOBUFS` where the kernel does not take them.
  mutating func take(_ count: Int) throws(Errno)

  /// Has the kernel take what was given back, so that it has buffers to copy into.
  ///
  /// - Returns: `false` where it cannot.
  mutating func makeRoom() -> Bool

  /// How many bytes the kernel had to copy so far, into buffers that are no less the user's, because
  /// they came through another queue. What lies in the linear part of a frame it copies, too, and
  /// does not count (`io_uring/zcrx.c`, `io_zcrx_recv_skb`).
  var copiedByteCount: Int { get }
}

extension Ring {
  /// Registers a queue, with a count of what is copied where the kernel has that.
  ///
  /// - Returns: What the offsets of the area begin with.
  fileprivate func register(
    _ registration: inout CLinux_zcrx_ifq_reg, _ region: inout CLinux_io_uring_region_desc,
    _ area: ZeroCopyRing.Area
  ) throws(Errno) -> UInt64 {
    var description = CLinux_zcrx_event_desc()
    description.flags = UInt32(CLinux_ZCRX_EVENT_DESC_FLAG_STATS)
    description.stats_offset = UInt64(RefillRing.statisticsOffset)
    do throws(Errno) {
      return try unsafe register(&registration, &region, area, counting: &description)
    } catch {
      guard error == .invalidArgument else { throw error }
      return try unsafe register(&registration, &region, area, counting: nil)
    }
  }

  private func register(
    _ registration: inout CLinux_zcrx_ifq_reg, _ region: inout CLinux_io_uring_region_desc,
    _ area: ZeroCopyRing.Area, counting description: UnsafeMutablePointer<CLinux_zcrx_event_desc>?
  ) throws(Errno) -> UInt64 {
    var request = CLinux_zcrx_area_reg()
    request.addr = area.address
    request.len = UInt64(area.byteCount)
    if let dmabuf = area.dmabuf {
      request.flags = UInt32(CLinux_IORING_ZCRX_AREA_DMABUF)
      request.dmabuf_fd = UInt32(dmabuf.rawValue)
    }
    // The pointers need not outlive the call.
    try unsafe withUnsafeMutablePointer(to: &request) { request throws(Errno) in
      try unsafe withUnsafeMutablePointer(to: &region) { region throws(Errno) in
        registration.area_ptr = UInt64(UInt(bitPattern: request))
        registration.region_ptr = UInt64(UInt(bitPattern: region))
        registration.event_desc = UInt64(UInt(bitPattern: description))
        let command = UInt32(CLinux_IORING_REGISTER_ZCRX_IFQ)
        try unsafe register(command, &registration, count: 1)
      }
    }
    return request.rq_area_token
  }
}
