// SPDX-License-Identifier: GPL-2.0-only

/// Code that reads what comes from outside, and what must hold of it whatever comes. A trap, a hang
/// or growth is found by who runs it.
package struct FuzzTarget: Sendable, CustomStringConvertible {
  /// A word, such as `netlink`; its corpus has the same name.
  package let name: String
  /// How often it must have been run, on inputs made by coverage, to be trusted: what strangers
  /// write or what comes with each packet is run most.
  package let goal: Int
  /// Reads one input.
  ///
  /// - Throws: What does not hold.
  package let run: @Sendable ([UInt8]) throws(Finding) -> Void

  package var description: String { name }

  /// All targets.
  package static let all = [
    FuzzTarget(name: "control-messages", goal: exposed, run: readControlMessages),
    FuzzTarget(name: "receive-loop", goal: exposed, run: receiveFrames),
    FuzzTarget(name: "peer-message", goal: exposed, run: readPeerMessages),
    FuzzTarget(name: "conversation", goal: usual, run: converse),
    FuzzTarget(name: "netlink", goal: exposed, run: askNetlink),
    FuzzTarget(name: "ethtool", goal: usual, run: askDriver),
    FuzzTarget(name: "journal", goal: usual, run: readJournal),
    FuzzTarget(name: "command-line", goal: usual, run: readCommandLine),
    FuzzTarget(name: "json", goal: usual, run: writeJSON),
    FuzzTarget(name: "system-files", goal: usual, run: readSystemFiles),
    FuzzTarget(name: "send-notices", goal: usual, run: readSendNotices),
  ]

  private static let exposed = 100_000_000
  private static let usual = 10_000_000
}

/// Something that must hold and does not.
package struct Finding: Error, CustomStringConvertible {
  package let description: String
}

/// Fails the input unless a condition holds.
func require(_ condition: Bool, _ description: @autoclosure () -> String) throws(Finding) {
  if !condition { throw Finding(description: description()) }
}
