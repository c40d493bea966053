// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Netlink
package import Preflight

/// What it means for a run that its interface stands on others, such as a bond, or that others stand
/// on it. No interface but a NIC, or one that leases its queues, has device memory.
package struct Stacking {
  private let name: String
  private let access: any NetlinkAccess

  /// - Parameters:
  ///   - name: The run's interface, by its own name.
  ///   - access: Opens conversations with the kernel.
  package init(of name: String, through access: any NetlinkAccess = KernelNetlink()) {
    self.name = name
    self.access = access
  }

  private func stack() throws(Failure) -> LinkStack {
    var route = try access.route()
    return try route.stack()
  }

  /// The interface and the names of those at its bottom; `nil` where it stands on none, or the
  /// kernel does not report it.
  private var base: (description: String, ports: [String])? {
    guard let stack = try? stack(), let own = stack.links.first(where: { $0.name == name }),
      let kind = own.kind
    else { return nil }
    let lower = stack.below(own.index).map(\.name)
    guard !lower.isEmpty else { return nil }
    return (
      "\(name) is a \(kind) \(own.gathers ? "of" : "on") \(lower.joined(separator: ", "))",
      stack.ports(of: own.index).map(\.name)
    )
  }
}

// Receiving.
extension Stacking {
  /// Runs what receives on the interface.
  ///
  /// - Throws: What `body` throws; with the interfaces to use where one that stands on others
  ///   cannot do what was asked of it.
  package func explaining<Value>(
    _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    do throws(Failure) {
      return try body()
    } catch {
      // An undo that failed is another matter, whatever its errno.
      throw error.kind == .unsupported ? explain(error, remedy) : error
    }
  }

  /// What to do about an interface that stands on others.
  private func remedy(by ports: [String]) -> String {
    let options = ports.map { "-f \($0)" }.joined(separator: " or ")
    return "run with \(options), by which the flow has to come; the address (-s) may stay "
      + "on \(name)"
  }

  /// What a check reports; `nil` for an interface that stands on no other.
  package var finding: Finding? {
    base.map { base in
      Finding("stacking", Observation(.missing, base.description, do: remedy(by: base.ports)))
    }
  }

  private func explain(_ failure: Failure, _ hint: ([String]) -> String) -> Failure {
    guard failure.errno == .notSupported, let base else { return failure }
    return Failure(
      failure.operation, on: failure.subject, errno: failure.errno,
      reason: [failure.reason, base.description].compactMap { $0 }.joined(separator: "; "),
      hint: hint(base.ports), kind: .unsupported)
  }
}

// Sending.
extension Stacking {
  /// A failure to bind memory for sending, with the interface to use where this one stands on
  /// others.
  package func explain(bind failure: Failure) -> Failure {
    explain(failure) { ports in
      let port = ports.first ?? name
      return "device memory leaves only by a route of the NIC's own: give \(port) an address "
        + "outside of \(name), and run with -f \(port)"
    }
  }

  /// Checks that connections of the interface can reach a peer, as far as what stands on it matters.
  /// What cannot be found out is left to the connection.
  ///
  /// - Parameters:
  ///   - peer: Whom to reach.
  ///   - source: Where from; the kernel's choice if `nil`.
  /// - Throws: A failure of the kind `unsupported` where they cannot.
  package func checkSending(to peer: IPAddress, from source: IPAddress?) throws(Failure) {
    guard let stack = try? stack(), let own = stack.links.first(where: { $0.name == name })
    else { return }
    if let kind = own.masterKind, ["bond", "team"].contains(kind),
      let master = own.master.flatMap({ stack.link($0) })
    {
      // Such a port hands all that it receives to its master (`bond_handle_frame`), whose sockets
      // are then looked for; those that are bound to the port are not found.
      throw Failure(
        "send from", on: name,
        reason: "it is a port of the \(kind) \(master.name), which receives in its place: no "
          + "connection of \(name) gets an answer, and the kernel sends device memory by no other",
        hint: "take it out of \(master.name) (`ip link set \(name) nomaster`), and give it an "
          + "address of its own", kind: .unsupported)
    }
    guard let device = routeInterface(to: peer, from: source), stack.stands(device, on: own.index),
      let upper = stack.link(device), var route = try? access.route(),
      !route.hasRoute(to: peer, from: source, through: own.index)
    else { return }
    throw Failure(
      "send from", on: name,
      reason: "the route to \(peer) leaves by \(upper.name), a \(upper.kind ?? "link") on \(name): "
        + "the kernel sends device memory only by a route that leaves by the NIC itself",
      hint: "reach the peer by an address and a route of \(name)", kind: .unsupported)
  }

  /// A failure to connect, with the route where that leaves by another interface.
  package func explain(
    connect failure: Failure, to peer: IPAddress, from source: IPAddress?
  ) -> Failure {
    let unreachable: [Errno?] = [.timedOut, .networkUnreachable, .hostUnreachable]
    guard unreachable.contains(failure.errno), failure.hint == nil,
      let device = routeInterface(to: peer, from: source),
      let upper = (try? stack())?.link(device), upper.name != name
    else { return failure }
    var failure = failure
    failure.hint = "the route to \(peer) leaves by \(upper.name), not by \(name) (-f)"
    return failure
  }

  /// `nil` where there is no route. An address with a zone names its interface itself.
  private func routeInterface(to peer: IPAddress, from source: IPAddress?) -> UInt32? {
    guard peer.scope == nil, var route = try? access.route() else { return nil }
    return try? route.routeInterface(to: peer, from: source)
  }
}
