// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// Watches over the interface of a run: whether it still exists, is administratively up, and has the
/// run's binding. The kernel does not report to a TCP socket that its interface has gone: the
/// socket waits on.
///
/// A carrier that is lost does not matter: drivers drop it for a moment whenever they change a
/// ring. Neither does what else is announced: what counts is the state that the kernel reports.
@safe package final class InterfaceWatch: Watch, @unchecked Sendable {
  // Unchecked: one thread uses it, the one that set the run up. Workers wait for their group.
  private let index: UInt32
  private let name: String
  private let operation: String
  private let access: any NetlinkAccess
  private var events: LinkEvents
  /// How the interface ended, once that was announced.
  private var end: LinkEvents.News?
  /// What the run bound, and who is asked about it.
  private var binding: (id: UInt32, netdev: Netdev)?

  /// Begins to watch an interface of this network namespace.
  ///
  /// - Parameters:
  ///   - name: The interface for people.
  ///   - operation: What the run uses it for, such as `receive on`, for the failures.
  ///   - access: Opens a conversation with the kernel for each look.
  /// - Throws: A failure with `ENETDOWN` where the interface is down, with `ENODEV` where there is
  ///   none.
  package convenience init(
    ofInterface index: UInt32, named name: String, to operation: String,
    through access: any NetlinkAccess = KernelNetlink()
  ) throws(Failure) {
    // Before the first look: nothing is missed between the two.
    let events = try LinkEvents()
    try self.init(
      ofInterface: index, named: name, to: operation, through: access, announcedBy: events)
  }

  /// Watches by given announcements.
  package init(
    ofInterface index: UInt32, named name: String, to operation: String,
    through access: any NetlinkAccess, announcedBy events: consuming LinkEvents
  ) throws(Failure) {
    self.index = index
    self.name = name
    self.operation = operation
    self.access = access
    self.events = events
    try lookAtLink()
  }

  package var descriptor: Descriptor { events.descriptor }

  /// Watches over a binding, too, from now on. The kernel announces no end of one: with a queue that
  /// is leased from another interface, it ends with that one, which may be another network
  /// namespace's. A binding that no queue shows is not watched.
  package func expect(binding id: UInt32, through netdev: Netdev) {
    binding = (id, netdev)
    if isBound != true { binding = nil }
  }

  /// Watches over the interface only, from now on.
  package func expectNoBinding() { binding = nil }

  /// Looks whether the run can go on. Only announcements about the interface make it ask for the
  /// link; a binding it asks for each time.
  ///
  /// - Throws: A failure with `ENODEV` where the interface is gone, with `ENETDOWN` where it is
  ///   down; without errno where it has lost the binding.
  package func look() throws(Failure) {
    if takeNews() { try lookAtLink() }
    guard isBound == false else { return }
    try lookAtLink()
    throw Failure(
      operation, on: name, reason: "the interface has lost the device memory that was bound to it",
      hint: "a queue that is leased loses it with the interface that it is leased from")
  }

  /// The reason of a failure: the interface's end, if it has ended and the kernel refused something.
  package func explain(_ failure: Failure) -> Failure {
    guard failure.errno != nil, failure.kind == .failed else { return failure }
    do throws(Failure) {
      try lookAtLink()
      return failure
    } catch {
      return error
    }
  }

  /// Runs what depends on the interface.
  ///
  /// - Throws: What `body` throws, or the end of the interface if that explains it.
  package func explaining(_ body: () throws(Failure) -> Void) throws(Failure) {
    do throws(Failure) {
      try body()
    } catch {
      throw explain(error)
    }
  }

  /// Asks for the link. A kernel that does not answer says nothing about it.
  private func lookAtLink() throws(Failure) {
    let link: Link
    do throws(Failure) {
      var route = try access.route()
      link = try route.link(ofInterface: index)
    } catch {
      guard error.errno == .noDevice else { return }
      waitForAnnouncement()
      let hasLeft = end == .departure
      throw Failure(
        operation, on: name, errno: .noDevice,
        reason: hasLeft
          ? "the interface has moved to another network namespace" : "the interface is gone",
        hint: hasLeft ? "there it has the settings that the run gave it: set them by hand" : nil)
    }
    guard link.isUp else {
      throw Failure(
        operation, on: name, errno: .networkDown, reason: "the interface is down",
        hint: "ip link set \(name) up")
    }
  }

  /// Waits until it is announced how the interface ended: the kernel answers that there is none
  /// before it announces that (`net/core/dev.c`, `__dev_change_net_namespace`).
  private func waitForAnnouncement() {
    let wait = Wait().limited(to: Self.announcementLimit)
    _ = takeNews()
    while end == nil, !wait.isOver, (try? wait.readiness(of: descriptor)) == .ready {
      _ = takeNews()
    }
  }

  /// The kernel announces the end as soon as what uses the interface has let it go.
  private static let announcementLimit = Duration.seconds(2)

  /// Takes what was announced.
  ///
  /// - Returns: Whether there was something about the interface.
  private func takeNews() -> Bool {
    let news = events.take(about: index)
    if news == .end || news == .departure { end = news }
    return news != nil
  }

  /// Whether a queue has the binding that is expected; `nil` where none is, or the kernel does not
  /// answer.
  private var isBound: Bool? {
    guard let binding, let queues = try? binding.netdev.queues(ofInterface: index) else {
      return nil
    }
    return queues.contains { $0.owner == .binding(binding.id) }
  }
}
