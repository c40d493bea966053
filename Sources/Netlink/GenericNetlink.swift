// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// A conversation with the kernel's generic-netlink families: one request at a time, each with a
/// deadline.
package struct GenericNetlink: ~Copyable {
  /// The hint of a failure with `EPERM`.
  package static let privilegeHint = """
    needs CAP_NET_ADMIN in the user namespace that owns this network namespace (containers: \
    --cap-add NET_ADMIN, and not rootless)
    """

  private var conversation: Conversation

  /// Opens a socket of its own, which is closed with the value.
  ///
  /// - Throws: A failure where the kernel gives no socket.
  package init() throws(Failure) {
    let socket = try attempt("open a generic-netlink socket") { () throws(Errno) in
      try NetlinkSocket.generic()
    }
    self.init(over: socket)
  }

  /// Talks over a given transport.
  package init(over transport: consuming any NetlinkTransport & ~Copyable) {
    conversation = Conversation(over: transport)
  }

  /// Sends a request that the kernel answers with an acknowledgement only.
  ///
  /// - Parameters:
  ///   - operation: What is tried, such as `bind RX queues`, for the failure.
  ///   - subject: What it is tried on.
  ///   - hint: What to do if the kernel refuses.
  /// - Throws: A failure with the kernel's error and words.
  package mutating func execute(
    _ request: Request, _ operation: String, on subject: String = "", hint: String? = nil
  ) throws(Failure) {
    if let refusal = try refusal(of: request, operation, on: subject) {
      throw refusal.failure(operation, on: subject, hint: hint)
    }
  }

  /// Sends a request that the kernel answers with an acknowledgement only, where a refusal is what
  /// the caller wants to see.
  ///
  /// - Returns: The kernel's refusal; `nil` where it did as asked.
  /// - Throws: A failure where the kernel gives no answer that makes sense.
  package mutating func refusal(
    of request: Request, _ operation: String, on subject: String = ""
  ) throws(Failure) -> Refusal? {
    try conversation.refusal(of: request, operation, on: subject)
  }

  /// Asks the kernel for one thing, and reads it from the one message that answers.
  ///
  /// - Throws: A failure with the kernel's error and words; with `EBADMSG` where there is not
  ///   exactly one message or `read` throws.
  package mutating func get<Value>(
    _ request: Request, _ operation: String, on subject: String = "", hint: String? = nil,
    _ read: (Attributes) throws(Errno) -> Value
  ) throws(Failure) -> Value {
    try conversation.get(request, operation, on: subject, hint: hint) {
      message throws(Errno) in
      try read(message.attributes(behind: request.headerSize))
    }
  }

  /// Asks the kernel for a list, and reads each of its messages. A list that changes while it is
  /// read is read again.
  ///
  /// - Throws: A failure with the kernel's error and words; with `EAGAIN` where the list keeps
  ///   changing, with `EBADMSG` where `read` throws.
  package mutating func dump<Value>(
    _ request: Request, _ operation: String, on subject: String = "", hint: String? = nil,
    _ read: (Attributes) throws(Errno) -> Value
  ) throws(Failure) -> [Value] {
    try conversation.dump(request, operation, on: subject, hint: hint) {
      message throws(Errno) in
      try read(message.attributes(behind: request.headerSize))
    }
  }
}
