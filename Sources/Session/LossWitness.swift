// SPDX-License-Identifier: GPL-2.0-only

package import NIC
internal import Transfer

/// Looks into the silence of one thread's flows: whether they are still steered, and which counters
/// of lost frames grow meanwhile.
package final class LossWitness: SilenceWitness {
  private let interface: String
  private let lookAtSteering: () -> Void
  private let count: () -> ReceiveLosses?
  private let printed: (String) -> Void
  /// The counters at the first look in this silence.
  private var before: ReceiveLosses?

  /// - Parameters:
  ///   - interface: Its name.
  ///   - lookAtSteering: Prints what is lost of the steering.
  ///   - count: Reads the counters; `nil` where they cannot be read.
  ///   - print: Prints a line.
  package init(
    on interface: String, lookingAtSteering lookAtSteering: @escaping () -> Void,
    counting count: @escaping () -> ReceiveLosses?, printing print: @escaping (String) -> Void
  ) {
    self.interface = interface
    self.lookAtSteering = lookAtSteering
    self.count = count
    printed = print
  }

  package func look(isFirst: Bool) {
    lookAtSteering()
    let losses = count()
    if isFirst {
      before = losses
    } else if let growth = growth(to: losses) {
      printed("no data comes, and meanwhile \(growth)")
    }
  }

  package func hint() -> String {
    lookAtSteering()
    let losses = count()
    let finding = growth(to: losses) ?? losses.map(standstill)
    return Silence.question + (finding.map { " \($0)" } ?? "")
  }

  /// What grew; `nil` where nothing did, or that is not known.
  private func growth(to losses: ReceiveLosses?) -> String? {
    guard let before, let growth = losses?.growth(since: before), !growth.isEmpty else {
      return nil
    }
    let line = "\(interface) lost frames: \(Self.list(growth) { "\($0.name) grew by \($0.value)" })"
    guard growth.contains(where: \.isOfMemory) else { return line }
    return line + "; an empty page pool loses frames: raise --memory-size"
  }

  private func standstill(of losses: ReceiveLosses) -> String {
    if losses.counters.isEmpty { return "the driver of \(interface) does not count lost frames" }
    let total = losses.total
    if total.isEmpty { return "\(interface) counts no lost frame" }
    let list = Self.list(total) { "\($0.name) is \($0.value)" }
    return "of the counters of lost frames of \(interface) none grew meanwhile; \(list)"
  }

  /// A driver may have many, of which the first ones say enough.
  private static func list(
    _ counters: [ReceiveLosses.Counter], _ text: (ReceiveLosses.Counter) -> String
  ) -> String {
    counters.prefix(5).map(text).joined(separator: ", ")
  }
}
