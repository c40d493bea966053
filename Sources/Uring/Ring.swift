// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import CURing
internal import Glibc
package import Kernel

/// An io_uring for one thread, whose completions say where received payload lies. It comes to be
/// disabled, so that one thread sets it up and another one uses it; it ends with its owner, and the
/// kernel then ends in the background what it was used for (`io_uring/io_uring.c`,
/// `io_ring_exit_work`).
@safe package struct Ring: ~Copyable {
  private let ring: UnsafeMutablePointer<io_uring>
  /// Where the kernel writes completions, of 32 bytes each, and what a place of one is counted in.
  private let completions: UnsafePointer<CLinux_zcrx_cqe>
  private let mask: UInt32
  /// Whether requests wait to be handed to the kernel.
  private var hasRequests = false

  /// Makes a ring that does the kernel's part of its work only when it is asked (`DEFER_TASKRUN`),
  /// which zero-copy receive demands. The corresponding C function is `io_uring_queue_init_params`.
  ///
  /// - Parameters:
  ///   - requests: How many requests may wait to be handed on.
  ///   - completions: How many completions may wait to be taken: what comes then stays in the socket.
  /// - Throws: What `io_uring_setup` fails with.
  package init(requests: UInt32, completions count: UInt32) throws(Errno) {
    unsafe ring = .allocate(capacity: 1)
    unsafe ring.initialize(to: io_uring())
    var parameters = io_uring_params()
    parameters.flags =
      UInt32(IORING_SETUP_R_DISABLED) | UInt32(IORING_SETUP_SINGLE_ISSUER)
      | UInt32(IORING_SETUP_DEFER_TASKRUN) | UInt32(IORING_SETUP_CQE32)
      | UInt32(IORING_SETUP_CQSIZE) | UInt32(IORING_SETUP_CLAMP)
      // A request that is refused does not keep those behind it.
      | UInt32(IORING_SETUP_SUBMIT_ALL)
    parameters.cq_entries = count
    let result = unsafe io_uring_queue_init_params(requests, ring, &parameters)
    guard result == 0 else {
      unsafe ring.deallocate()
      throw Errno(-result)
    }
    unsafe completions = UnsafeRawPointer(ring.pointee.cq.cqes)
      .assumingMemoryBound(to: CLinux_zcrx_cqe.self)
    unsafe mask = ring.pointee.cq.kring_mask.pointee
  }

  deinit {
    unsafe io_uring_queue_exit(ring)
    unsafe ring.deallocate()
  }

  /// Readable when completions wait, or work that `gather` has the kernel do.
  package var descriptor: Descriptor { Descriptor(unsafe ring.pointee.ring_fd) }

  /// Lets the calling thread, and no other one, use the ring. The corresponding C function is
  /// `io_uring_enable_rings`, which the library of Debian 12 does not export.
  package func enable() throws(Errno) {
    try unsafe register(UInt32(IORING_REGISTER_ENABLE_RINGS), nil, count: 0)
  }

  /// Whether the kernel has a request. The corresponding C function is `io_uring_get_probe_ring`.
  func supports(_ operation: CInt) -> Bool {
    guard let probe = unsafe io_uring_get_probe_ring(ring) else { return false }
    defer { unsafe io_uring_free_probe(probe) }
    return unsafe io_uring_opcode_supported(probe, operation) != 0
  }

  /// Sets something up. The corresponding C function is `io_uring_register`.
  func register(
    _ command: UInt32, _ argument: UnsafeMutableRawPointer?, count: UInt32
  ) throws(Errno) {
    try Self.check(
      unsafe io_uring_register(UInt32(ring.pointee.ring_fd), command, argument, count))
  }

  /// Asks for what a connection receives from now on, until its end or an error.
  ///
  /// - Parameters:
  ///   - number: What the completions are to carry.
  ///   - count: How many bytes to receive; 0 for all.
  ///   - queue: The kernel's number of the receive queue that the payload comes through.
  /// - Throws: What `io_uring_submit` fails with where there was no room.
  package mutating func request(
    from connection: Descriptor, as number: UInt64, count: Int, through queue: UInt32
  ) throws(Errno) {
    var entry = unsafe io_uring_get_sqe(ring)
    if unsafe entry == nil {
      try gather()
      unsafe entry = io_uring_get_sqe(ring)
    }
    guard let entry = unsafe entry else { throw .busy }
    let operation = CInt(CLinux_IORING_OP_RECV_ZC.rawValue)
    unsafe io_uring_prep_rw(operation, entry, connection.rawValue, nil, UInt32(count), 0)
    unsafe entry.pointee.ioprio = UInt16(CLinux_IORING_RECV_MULTISHOT)
    unsafe entry.pointee.user_data = number
    // The place of `zcrx_ifq_idx`, which older headers lack.
    unsafe entry.pointee.file_index = queue
    hasRequests = true
  }

  /// Hands requests to the kernel and has it do what waits, without waiting for more. The
  /// corresponding C function is `io_uring_submit_and_get_events`.
  package mutating func gather() throws(Errno) {
    hasRequests = false
    try Self.check(unsafe io_uring_submit_and_get_events(ring))
  }

  /// Whether there is something that only `gather` brings on.
  package var mustGather: Bool { hasRequests || waiting == 0 }

  /// How many completions wait to be taken.
  package var waiting: Int { Int(unsafe io_uring_cq_ready(ring)) }

  /// A completion that waits.
  ///
  /// - Parameter index: Counted from 0, below `waiting`.
  package func completion(_ index: Int) -> Completion {
    let place = unsafe (ring.pointee.cq.khead.pointee &+ UInt32(index)) & mask
    return Completion(unsafe completions[Int(place)])
  }

  /// Takes the first completions that wait.
  package func take(_ count: Int) { unsafe io_uring_cq_advance(ring, UInt32(count)) }

  private static func check(_ result: CInt) throws(Errno) {
    guard result < 0 else { return }
    throw Errno(-result)
  }
}

/// What a ring says of a request.
package struct Completion: Equatable, Sendable {
  /// What the request was made as.
  package let number: UInt64
  /// How many bytes came; 0 at the end, and below 0 the error.
  package let result: Int32
  /// Whether more of the request will come.
  package let hasMore: Bool
  /// Where the bytes lie in the area.
  package let offset: Int

  /// Something that a ring says.
  package init(number: UInt64, result: Int32, hasMore: Bool, offset: Int) {
    self.number = number
    self.result = result
    self.hasMore = hasMore
    self.offset = offset
  }

  fileprivate init(_ entry: CLinux_zcrx_cqe) {
    let area = (UInt64(1) << UInt64(CLinux_IORING_ZCRX_AREA_SHIFT)) - 1
    self.init(
      number: entry.user_data, result: entry.res,
      hasMore: entry.flags & UInt32(CLinux_IORING_CQE_F_MORE) != 0,
      offset: Int(entry.off & area))
  }
}
