// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Netlink

/// The carrier of an interface that a run changes. Drivers lose it for a moment when they take their
/// rings down, and some get it back only after the request has returned (`gve_main.c`,
/// `gve_service_task`): until then the interface neither sends nor receives.
package struct Carrier: Sendable {
  /// Whether packets could pass at the start. A carrier that was not there is not waited for.
  package let wasOperational: Bool

  private let index: UInt32
  private let name: String
  private let access: any NetlinkAccess & Sendable
  private let countAtStart: UInt32?

  /// How long a carrier may stay away. The kernel reports its return at most a second late
  /// (`net/core/link_watch.c`, `linkwatch_schedule_work`).
  package static let patience = Duration.seconds(10)

  /// The time between two looks.
  private static let interval = Duration.milliseconds(50)

  /// Notes how the carrier is before anything is changed.
  ///
  /// - Parameters:
  ///   - name: The interface for people.
  ///   - access: Opens a conversation with the kernel for each look.
  package init(
    ofInterface index: UInt32, named name: String,
    through access: any NetlinkAccess & Sendable = KernelNetlink()
  ) {
    self.index = index
    self.name = name
    self.access = access
    let link = Self.link(of: index, through: access)
    wasOperational = link?.passesPackets == true
    countAtStart = link?.carrierChanges
  }

  /// The carrier of the same interface, noted now: where another run has had the interface meanwhile,
  /// it may have been away for that.
  package func renewed() -> Carrier { Carrier(ofInterface: index, named: name, through: access) }

  /// How often the carrier was lost or came back since the start, each counted; `nil` where the
  /// kernel does not report it.
  package var changes: Int? {
    guard let countAtStart, let count = link?.carrierChanges else { return nil }
    return Int(count &- countAtStart)
  }

  /// Waits until packets can pass again, if they could at the start. One that stays away is
  /// reported, and no failure: it may be the cable.
  ///
  /// - Parameters:
  ///   - wait: What else ends the wait.
  ///   - patience: How long to wait at most.
  ///   - report: Takes a line about a carrier that stays away.
  /// - Throws: A failure of the kind `stopped` after a stop, what the wait's watch finds.
  package func waitForReturn(
    _ wait: Wait = Wait(), for patience: Duration = Self.patience,
    reportingTo report: (String) -> Void = { Diagnostics.print($0) }
  ) throws(Failure) {
    guard wasOperational else { return }
    let wait = wait.limited(to: patience)
    // An interface that is down, or gone, gets no carrier.
    while let link, link.isUp, !link.passesPackets {
      guard !wait.isOver else {
        report("the carrier of \(name) has not come back within \(patience.components.seconds) s")
        return
      }
      try wait.pause(for: Self.interval, to: "wait for the carrier of \(name)")
    }
  }

  private var link: Link? { Self.link(of: index, through: access) }

  /// The link; `nil` where the kernel does not answer.
  private static func link(of index: UInt32, through access: any NetlinkAccess) -> Link? {
    guard var route = try? access.route() else { return nil }
    return try? route.link(ofInterface: index)
  }
}

extension Link {
  /// Whether the driver has a carrier, and the kernel has taken note of it.
  fileprivate var passesPackets: Bool { isUp && hasCarrier && isOperational }
}
