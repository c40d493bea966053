// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// What finds out why nothing comes: the kernel does not report it to a socket.
package protocol SilenceWitness: AnyObject {
  /// Looks into a silence, and prints what it finds.
  ///
  /// - Parameter isFirst: Whether it is the first look in this silence.
  func look(isFirst: Bool)
  /// Looks a last time, and returns what the failure for this silence is to hint at.
  func hint() -> String
}

/// How long a receiver puts up with silence. Twice in a long one, and at its end, something looks
/// into it.
package struct Silence {
  /// After how much silence to look. A sender whose frames are lost sends again after twice the time
  /// each time: between a look after a quarter of the silence and its end there is such a frame.
  private static let patience = Duration.seconds(30)

  /// How long it may last; `nil` for no limit.
  package let timeout: Duration?
  private let witness: (any SilenceWitness)?
  /// When to look, of which so many are past.
  private let looks: [Duration]
  private var lookCount = 0
  private var passed = Duration.zero
  /// How long to wait before `pass`; `nil` for no limit. It is kept: each wait asks for it.
  package private(set) var limit: Duration?

  /// - Parameters:
  ///   - timeout: How long it may last; `nil` for no limit.
  ///   - witness: What looks into it.
  package init(upTo timeout: Duration?, watchedBy witness: (any SilenceWitness)? = nil) {
    self.timeout = timeout
    self.witness = witness
    let first = timeout.map { min($0 / 4, Self.patience) } ?? Self.patience
    let looks = witness == nil ? [] : [first, Self.patience * 2]
    self.looks = looks.filter { look in timeout.map { look < $0 } ?? true }
    limit = self.looks.first ?? timeout
  }

  /// Notes that nothing came within `limit`.
  ///
  /// - Returns: Whether the silence may go on.
  package mutating func pass() -> Bool {
    passed += limit ?? .zero
    if looks.dropFirst(lookCount).first == passed {
      witness?.look(isFirst: lookCount == 0)
      lookCount += 1
    }
    limit = (looks.dropFirst(lookCount).first ?? timeout).map { $0 - passed }
    return timeout.map { passed < $0 } ?? true
  }

  /// Notes that something came: another silence begins.
  package mutating func end() {
    guard passed > .zero else { return }
    (passed, lookCount, limit) = (.zero, 0, looks.first ?? timeout)
  }

  /// The failure of what was silent for too long.
  ///
  /// - Parameters:
  ///   - subject: What was silent, such as `flow 0`.
  ///   - before: What came before, such as ` after 5 bytes`.
  package func failure(of subject: String = "", before: String = "") -> Failure {
    Failure(
      "receive", on: subject, errno: .timedOut,
      reason: "no data for \(timeout.asTimeout)\(before)",
      hint: witness?.hint() ?? Self.question)
  }

  /// What to ask first.
  package static let question = "is the peer still sending?"
}
