// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// A conversation with the kernel's generic-netlink families: one request at a time, each waited
/// for with a deadline.
package struct GenericNetlink: ~Copyable {
  /// How long one exchange may take. A bind restarts queues one after the other, so it is long.
  private static let patience = 30_000

  /// How often a dump is read again because what it lists changed meanwhile.
  private static let dumpAttempts = 8

  private var transport: any NetlinkTransport & ~Copyable
  private var sequence: UInt32 = 0

  /// Opens a socket of its own, which lives as long as the value.
  package init() throws(Failure) {
    let socket = try attempt("open a generic-netlink socket") { () throws(Errno) in
      try NetlinkSocket()
    }
    self.init(over: socket)
  }

  /// Talks over a given transport.
  package init(over transport: consuming any NetlinkTransport & ~Copyable) {
    self.transport = transport
  }

  /// Has the kernel do something that it answers with an acknowledgement only.
  ///
  /// - Parameters:
  ///   - operation: What is tried, such as `bind RX queues`, for the failure.
  ///   - subject: What it is tried on.
  ///   - hint: What to do if the kernel refuses.
  package mutating func execute(
    _ request: Request, _ operation: String, on subject: String = "", hint: String? = nil
  ) throws(Failure) {
    _ = try replies(to: request, NLM_F_ACK, operation, subject, hint) { _ throws(Errno) in }
  }

  /// Asks the kernel for one thing, and reads it from the one message that it answers.
  ///
  /// - Throws: A failure with the kernel's error and words; with `EBADMSG` where there is not
  ///   exactly one message or `read` throws.
  package mutating func get<Value>(
    _ request: Request, _ operation: String, on subject: String = "", hint: String? = nil,
    _ read: (Attributes) throws(Errno) -> Value
  ) throws(Failure) -> Value {
    let values = try replies(to: request, NLM_F_ACK, operation, subject, hint, read)
    guard values.count == 1 else {
      throw Failure(
        operation, on: subject, errno: .badMessage,
        reason: "\(values.count) answers instead of one")
    }
    return values[0]
  }

  /// Asks the kernel for all there is, and reads each of its messages. A list that changes while
  /// it is read is read again.
  package mutating func dump<Value>(
    _ request: Request, _ operation: String, on subject: String = "", hint: String? = nil,
    _ read: (Attributes) throws(Errno) -> Value
  ) throws(Failure) -> [Value] {
    try replies(to: request, NLM_F_DUMP, operation, subject, hint, read)
  }

  private mutating func replies<Value>(
    to request: Request, _ flags: CInt, _ operation: String, _ subject: String, _ hint: String?,
    _ read: (Attributes) throws(Errno) -> Value
  ) throws(Failure) -> [Value] {
    func failure(_ refusal: Refusal) -> Failure {
      Failure(
        operation, on: subject, errno: refusal.errno, reason: refusal.reason,
        hint: refusal.errno == .notPermitted ? Self.privilegeHint : hint)
    }
    guard !request.isOverfull else { throw failure(Refusal(errno: .messageTooLong)) }
    for _ in 0..<Self.dumpAttempts {
      let outcome = try attempt(operation, on: subject) { () throws(Errno) in
        try exchange(request, flags)
      }
      switch outcome {
      case .refused(let refusal): throw failure(refusal)
      case .interrupted: continue
      case .answered(let messages):
        return try attempt(operation, on: subject) { () throws(Errno) in
          try messages.map { message throws(Errno) in
            try read(message.attributes(behind: request.headerSize))
          }
        }
      }
    }
    throw failure(
      Refusal(errno: .tryAgain, reason: "the list changes faster than it can be read"))
  }

  /// What a refusal for want of privilege is told with.
  package static let privilegeHint =
    "needs CAP_NET_ADMIN in the user namespace that owns this network namespace"

  /// What an exchange came to.
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
    let deadline = Instant.now.advanced(milliseconds: Self.patience)
    try transport.send(datagram)
    var answers: [Message] = []
    var isInterrupted = false
    while true {
      let messages = try Message.split(try transport.receive(until: deadline))
      // A late answer to an earlier request, one that timed out, has another number.
      for message in messages where message.sequence == sequence {
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
