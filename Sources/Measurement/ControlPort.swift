// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets

/// The port where a receiver waits for the sender of a measurement.
///
/// Anyone may call. The first caller that makes a valid offer is the sender, and no other can keep
/// it from that: several are listened to at once, and one that leaves, says anything else or takes
/// too long is closed, named, and costs nothing but its own connection.
package struct ControlPort: ~Copyable {
  /// How long a caller may take from its connection to the end of its offer.
  package static let offerLimit = Duration.seconds(5)

  /// How many callers are listened to; the first of them makes room for one more.
  package static let callerLimit = 16

  private let listener: Listener

  /// Listens on an address.
  package init(on address: SocketAddress) throws(Failure) {
    listener = try Listener(on: address, backlog: Self.callerLimit)
  }

  /// Where it listens: with port 0 asked for, the port that the kernel chose.
  package func localAddress() throws(Errno) -> SocketAddress? { try listener.localAddress() }

  /// Waits for a caller that makes an offer.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait, whoever calls meanwhile, and how long that caller may take for
  ///     each line later; `nil` for no limit.
  ///   - offerLimit: How long a caller may take for its offer.
  /// - Throws: A `Failure` of the kind `stopped` after a stop, with `ETIMEDOUT` if none makes one.
  package func waitForOffer(
    _ wait: Wait, for timeout: Duration?, from admission: Admission = .anyone,
    within offerLimit: Duration = ControlPort.offerLimit
  ) throws(Failure) -> (channel: ControlChannel, agreement: Agreement) {
    let operation = "wait for a sender"
    let limited = wait.limited(to: timeout)
    var callers: [ControlCaller] = []
    var rejections = Rejections()
    while true {
      var set = PollSet([listener.descriptor] + callers.map(\.channel.descriptor))
      let next = ([limited.deadline] + callers.map(\.deadline)).compactMap { $0 }.min()
      _ = try set.wait(wait.ending(at: next), to: operation)
      guard !limited.isOver else {
        throw Failure(
          operation, errno: .timedOut,
          reason: "none made an offer in \(timeout.asTimeout)")
      }
      var others: [ControlCaller] = []
      for (place, caller) in callers.enumerated() {
        do throws(Failure) {
          if set.isReady(place + 1), let agreement = try caller.hear() {
            return (caller.channel, agreement)
          }
          guard caller.deadline > .now else { throw caller.isLate(after: offerLimit) }
          others.append(caller)
        } catch {
          rejections.add(caller.channel.peer, because: error.line)
        }
      }
      callers = others
      guard set.isReady(0), let connection = try listener.take(admission, &rejections) else {
        continue
      }
      if callers.count == Self.callerLimit {
        let first = callers.removeFirst()
        rejections.add(first.channel.peer, because: "others call, and it has made no offer yet")
      }
      let channel = ControlChannel(over: connection, timeout: timeout, wait)
      do throws(Failure) {
        callers.append(try ControlCaller(on: channel, until: .now.advanced(by: offerLimit)))
      } catch {
        rejections.add(channel.peer, because: error.line)
      }
    }
  }
}

/// Somebody on the control port who has not made an offer yet.
package final class ControlCaller {
  /// The connection to it.
  package let channel: ControlChannel
  /// When it must have made its offer.
  package let deadline: Instant
  private var hasGreeted = false

  /// Greets it, which fits into a new connection at once, or it is not listened to.
  package init(on channel: ControlChannel, until deadline: Instant) throws(Failure) {
    self.channel = channel
    self.deadline = deadline
    try channel.send(PeerMessage(.hello, PeerMessage.version), within: .zero)
  }

  /// Reads what it has sent, without waiting.
  ///
  /// - Returns: Its offer; `nil` if that is still to come.
  /// - Throws: Why it is not listened to any longer.
  package func hear() throws(Failure) -> Agreement? {
    try channel.receiveWaiting()
    if !hasGreeted {
      guard let values = try channel.next(.hello) else { return nil }
      try ControlChannel.checkVersion(values)
      hasGreeted = true
    }
    guard let values = try channel.next(.offer) else { return nil }
    guard let agreement = Agreement(offer: values) else {
      throw ControlChannel.violation("its offer is out of bounds")
    }
    return agreement
  }

  fileprivate func isLate(after limit: Duration) -> Failure {
    Failure(
      "hear from the peer", errno: .timedOut,
      reason: "it has made no offer in \(limit.inSeconds.formatted(1)) s")
  }
}
