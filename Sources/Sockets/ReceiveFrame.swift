// SPDX-License-Identifier: GPL-2.0-only

// The compiler may find `iovec` in either module.
internal import CLinux
internal import Glibc
internal import Kernel

/// Where one `recvmsg` puts its results: bytes that did not go to device memory, and the control
/// messages that describe those that did. Allocated once, used for every call.
@safe package struct ReceiveFrame: ~Copyable {
  /// Bytes that one call may take, those in device memory included: as many as
  /// `TokenBatch.fragmentLimit` fragments of a page. What is never used is never backed by memory.
  package static let payloadCapacity = 4 << 20

  /// Room for as many control messages as one return of tokens takes, each of 40 bytes
  /// (`CMSG_SPACE(sizeof(struct dmabuf_cmsg))`).
  package static let controlCapacity = TokenBatch.fragmentLimit * 40

  /// A control buffer does not grow beyond this, in bytes.
  package static let controlLimit = 1 << 20

  private let payload: UnsafeMutableRawBufferPointer
  private var control: UnsafeMutableRawBufferPointer

  /// The length of the control messages that the last call left, in bytes.
  private var controlLength = 0

  /// Whether control messages of the last call were lost (`MSG_CTRUNC`). The kernel never cuts a
  /// devmem message (`net/core/scm.c`, `put_cmsg_notrunc`): one that does is not to be trusted.
  package private(set) var isTruncated = false

  /// Allocates the buffers.
  ///
  /// - Parameter controlCapacity: The room for control messages, in bytes.
  package init(controlCapacity: Int = Self.controlCapacity) {
    unsafe payload = .allocate(byteCount: Self.payloadCapacity, alignment: 4096)
    unsafe control = .allocate(byteCount: controlCapacity, alignment: 8)
  }

  deinit {
    unsafe payload.deallocate()
    unsafe control.deallocate()
  }

  /// The corresponding C function is `recvmsg`.
  mutating func receive(from socket: Descriptor, flags: CInt) throws(Errno) -> Int {
    var vector = unsafe iovec(iov_base: payload.baseAddress, iov_len: payload.count)
    var message = unsafe msghdr()
    // The pointers need not outlive the call: nothing reads `message` after it but its lengths.
    let count = try unsafe withUnsafeMutablePointer(to: &vector) { vector throws(Errno) in
      unsafe message.msg_iov = vector
      unsafe message.msg_iovlen = 1
      unsafe message.msg_control = control.baseAddress
      unsafe message.msg_controllen = control.count
      return try retryingTransfer { unsafe recvmsg(socket.rawValue, &message, flags) }
    }
    controlLength = unsafe message.msg_controllen
    isTruncated = unsafe message.msg_flags & CInt(MSG_CTRUNC) != 0
    return count
  }

  /// Puts recorded bytes where a call would have put them.
  ///
  /// - Precondition: they fit.
  package mutating func load(
    payload bytes: [UInt8], control messages: [UInt8], truncated: Bool = false
  ) {
    unsafe precondition(bytes.count <= payload.count && messages.count <= control.count)
    unsafe payload.copyBytes(from: bytes)
    unsafe control.copyBytes(from: messages)
    controlLength = messages.count
    isTruncated = truncated
  }

  /// Doubles the room for control messages, after a call that had too little for even one.
  ///
  /// - Returns: `false` if the limit is reached.
  package mutating func growControl() -> Bool {
    let larger = unsafe control.count * 2
    guard larger <= Self.controlLimit else { return false }
    unsafe control.deallocate()
    unsafe control = .allocate(byteCount: larger, alignment: 8)
    controlLength = 0
    return true
  }

  /// Whether the last call left control messages.
  package var hasControlMessages: Bool { controlLength > 0 }

  /// The control messages that the last call left.
  package var controlMessages: ControlMessages {
    @_lifetime(borrow self)
    borrowing get {
      let bytes = unsafe RawSpan(
        _unsafeStart: UnsafeRawPointer(control.baseAddress!), byteCount: controlLength)
      return ControlMessages(unsafe _overrideLifetime(bytes, borrowing: self))
    }
  }

  /// The first `count` bytes that did not go to device memory.
  @_lifetime(borrow self)
  package borrowing func payload(_ count: Int) -> RawSpan {
    let bytes = unsafe RawSpan(
      _unsafeStart: UnsafeRawPointer(payload.baseAddress!), byteCount: payload.count)
    return unsafe _overrideLifetime(bytes, borrowing: self).extracting(first: count)
  }
}
