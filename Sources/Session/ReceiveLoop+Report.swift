// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel
internal import Sockets

extension ReceiveLoop {
  /// Waits for data: for much of it for a moment while the stream runs, then for any.
  func wait<Source: DevmemSource & ~Copyable>(
    for source: borrowing Source, at pace: inout ReceivePace, orStoppedBy stop: CInt
  ) throws(Failure) -> Readiness {
    try prepareWait(for: source, at: &pace)
    if pace.isRunning {
      let readiness = try wait(
        for: source.rawDescriptor, until: Instant.now.advanced(milliseconds: ReceivePace.moment),
        orStoppedBy: stop)
      guard readiness == .timedOut else { return readiness }
      pace.stop()
      return .ready
    }
    return try wait(
      for: source.rawDescriptor,
      until: idleLimit.map { Instant.now.advanced(milliseconds: $0 * 1000) }, orStoppedBy: stop)
  }

  /// Sets how much must wait before a source counts as readable.
  func prepareWait<Source: DevmemSource & ~Copyable>(
    for source: borrowing Source, at pace: inout ReceivePace
  ) throws(Failure) {
    guard let threshold = pace.takeChange() else { return }
    try attempt("set how much to wait for") { () throws(Errno) in
      try source.setReadableThreshold(threshold)
    }
  }

  func wait(
    for descriptor: CInt, until deadline: Instant?, orStoppedBy stop: CInt
  ) throws(Failure) -> Readiness {
    try attempt("wait for data") { () throws(Errno) in
      try waitUntilReady(descriptor, until: deadline, orStoppedBy: stop)
    }
  }

  var idleFailure: Failure {
    Failure(
      "receive", errno: .timedOut,
      reason: "no data for \(idleLimit ?? 0) s after \(statistics.totalBytes) bytes",
      hint: "is the peer still sending? an empty page pool drops frames: see the queue's statistics"
    )
  }

  static func failure(toReceive errno: Errno) -> Failure {
    Failure("receive", errno: errno, hint: hint(for: errno))
  }

  /// What `recvmsg` on a devmem flow fails with, and why (`net/ipv4/tcp.c`,
  /// `tcp_recvmsg_locked` and `tcp_recvmsg_dmabuf`).
  private static func hint(for errno: Errno) -> String? {
    switch errno {
    case .badAddress:
      "the kernel could not copy what it must; in manual mode: a socket that used another binding"
    case .noDevice:
      "the payload is in memory that no devmem binding owns, or its binding is gone"
    case .tooSmall:
      "control messages need more than \(ReceiveFrame.controlLimit) bytes"
    case .outOfMemory:
      "the kernel has no memory for tokens"
    case .connectionReset:
      "the peer broke the connection off"
    default:
      nil
    }
  }

  /// Why a fragment is not taken: it is another binding's, or not within the dma-buf.
  @inline(never)
  func refusal(of fragment: Fragment) -> Failure {
    guard fragment.binding == binding else {
      return Failure(
        "receive", on: "fragment \(statistics.fragments)",
        reason: "it came through binding \(fragment.binding), not \(binding)",
        hint: "another program's binding gets this flow: check the flow rules")
    }
    return Failure(
      "receive", on: "fragment \(statistics.fragments)",
      reason: "\(fragment.size) bytes at \(fragment.offset) are not within the dma-buf")
  }

  /// The C tool's line for a fragment.
  func trace(_ fragment: Fragment) {
    let page = UInt64(sysconf(CInt(_SC_PAGESIZE)))
    Diagnostics.print(
      """
      received frag_page=\(fragment.offset / page), in_page_offset=\(fragment.offset % page), \
      frag_offset=\(fragment.offset), frag_size=\(fragment.size), token=\(fragment.token), \
      total_received=\(statistics.totalBytes + Int(fragment.size)), dmabuf_id=\(fragment.binding)
      """)
  }
}
