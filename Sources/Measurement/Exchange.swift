// SPDX-License-Identifier: GPL-2.0-only

/// The two messages of one exchange (`--latency`): of each flow, one is under way at a time. The
/// end that called asks; the one that listens answers. Which of the two messages goes through the
/// receiver's device memory follows from the direction of the flows.
package struct Exchange: Equatable, Sendable {
  /// The size of what is asked, in bytes.
  package let request: Int
  /// The size of what is answered, in bytes.
  package let response: Int

  /// Messages of these sizes.
  package init(request: Int, response: Int) {
    self.request = request
    self.response = response
  }

  /// What a message may have, in bytes.
  package static let sizes = 1...1 << 20

  /// The size of a message that no option gives, in bytes.
  package static let defaultSize = 64
}

/// One end's part in the exchanges of a flow: the messages that it sends and receives.
package struct ExchangePart: Equatable, Sendable {
  /// The size of each message that this end sends, in bytes.
  let outgoing: Int
  /// The size of each message that it receives, in bytes.
  let incoming: Int
  /// How long it asks, and how much of that its figures leave out; `nil` where it answers.
  let asking: Asking?

  /// See `asking`.
  struct Asking: Equatable, Sendable {
    /// How long to ask, the warm-up included.
    let duration: Duration
    /// How long the warm-up is.
    let omitted: Duration
  }

  /// The part of the end that asks, or of the one that answers; `nil` where nothing of the kind was
  /// agreed on.
  package init?(_ agreement: Agreement, asks: Bool) {
    guard let exchange = agreement.exchange, let duration = agreement.wholeDuration else {
      return nil
    }
    outgoing = asks ? exchange.request : exchange.response
    incoming = asks ? exchange.response : exchange.request
    asking = asks ? Asking(duration: duration, omitted: agreement.omitted) : nil
  }
}
