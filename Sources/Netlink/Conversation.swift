// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel

/// A conversation with the kernel over one netlink socket, in any of netlink's protocols: one
/// request at a time, each with a deadline. Only a message with the request's sequence number and
/// the socket's port id answers it.
struct Conversation: ~Copyable {
  /// How long one exchange may take. A bind restarts queues one after the other, so it is long.
  private static let patience = Duration.seconds(30)

  /// How often a dump is read again because what it lists changed meanwhile.
  private static let dumpAttempts = 8

  private var transport: any NetlinkTransport & ~Copyable
  private let port: UInt32
  private var sequence: UInt32 = 0

  /// Talks over a given transport.
  init(over transport: consuming any NetlinkTransport & ~Copyable) {
    port = transport.port
    self.transport = transport
  }

  /// Sends a request that the kernel answers with an acknowledgement only.
  ///
  /// - Returns: The kernel's refusal; `nil` where it did as asked.
  /// - Throws: A failure where the kernel gives no answer that makes sense.
  mutating func refusal(
    of request: Request, _ operation: String, on subject: String
  ) throws(Failure) -> Refusal? {
    switch try replies(
      to: request, NLM_F_ACK, operation, subject,
      { message throws(Errno) in _ = try message.attributes(behind: request.headerSize) })
    {
    case .success: nil
    case .failure(let refusal): refusal
    }
  }

  /// Sends a request that the kernel answers with one message.
  ///
  /// - Throws: A failure with the kernel's error and words; with `EBADMSG` where there is not
  ///   exactly one message or `read` throws.
  mutating func get<Value>(
    _ request: Request, _ operation: String, on subject: String, hint: String?,
    _ read: (Message) throws(Errno) -> Value
  ) throws(Failure) -> Value {
    switch try replies(to: request, NLM_F_ACK, operation, subject, read) {
    case .failure(let refusal): throw refusal.failure(operation, on: subject, hint: hint)
    case .success(let values):
      guard values.count == 1 else {
        throw Failure(
          operation, on: subject, errno: .badMessage,
          reason: "\(values.count) answers instead of one")
      }
      return values[0]
    }
  }

  /// Sends a request that the kernel answers with a list of messages, each read by `read`. A list
  /// that changes while it is read is read again.
  ///
  /// - Throws: A failure with the kernel's error and words; with `EAGAIN` where the list keeps
  ///   changing, with `EBADMSG` where `read` throws.
  mutating func dump<Value>(
    _ request: Request, _ operation: String, on subject: String, hint: String?,
    _ read: (Message) throws(Errno) -> Value
  ) throws(Failure) -> [Value] {
    switch try replies(to: request, NLM_F_DUMP, operation, subject, read) {
    case .failure(let refusal): throw refusal.failure(operation, on: subject, hint: hint)
    case .success(let values): return values
    }
  }

  /// Sends a request, again where a dump was interrupted, and reads what answers it.
  private mutating func replies<Value>(
    to request: Request, _ flags: CInt, _ operation: String, _ subject: String,
    _ read: (Message) throws(Errno) -> Value
  ) throws(Failure) -> Result<[Value], Refusal> {
    guard !request.isOverfull else {
      throw Failure(operation, on: subject, errno: .messageTooLong)
    }
    for _ in 0..<Self.dumpAttempts {
      let outcome = try attempt(operation, on: subject) { () throws(Errno) in
        try exchange(request, flags)
      }
      switch outcome {
      case .refused(let refusal): return .failure(refusal)
      case .interrupted: continue
      case .answered(let messages):
        return .success(
          try attempt(operation, on: subject) { () throws(Errno) in
            try messages.map { message throws(Errno) in
              try read(message)
            }
          })
      }
    }
    throw Failure(
      operation, on: subject, errno: .tryAgain,
      reason: "the list changes faster than it can be read")
  }

  /// How an exchange ended.
  private enum Outcome {
    case answered([Message])
    case refused(Refusal)
    /// The kernel marked the dump as inconsistent (`NLM_F_DUMP_INTR`).
    case interrupted
  }

  /// Sends a request and gathers the messages that answer it.
  private mutating func exchange(_ request: Request, _ flags: CInt) throws(Errno) -> Outcome {
    sequence &+= 1
    let datagram = request.encoded(flags: NLM_F_REQUEST | flags, sequence: sequence)
    let deadline = Instant.now.advanced(by: Self.patience)
    try transport.send(datagram)
    var answers: [Message] = []
    var isInterrupted = false
    while true {
      let messages = try Message.split(try transport.receive(until: deadline))
      // A late answer to an earlier request, one that timed out, has another number. The kernel
      // repeats the sender's port id in each answer (net/netlink/af_netlink.c, netlink_ack).
      for message in messages where message.sequence == sequence && message.port == port {
        if message.flags & NLM_F_DUMP_INTR != 0 { isInterrupted = true }
        switch CInt(message.type) {
        case NLMSG_ERROR, NLMSG_DONE:
          if let refusal = try message.refusal(of: datagram) { return .refused(refusal) }
          return isInterrupted ? .interrupted : .answered(answers)
        default: answers.append(message)
        }
      }
    }
  }
}
