// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Netdev
internal import Netlink
internal import Options
internal import Recovery

/// The queues, and what may have them already.
extension Preflight {
  mutating func queueFindings() -> [Finding] {
    [
      look(at: "link", ifUnsupported: .unknown) { preflight throws(Failure) in
        try preflight.operation()
      },
      look(at: Self.queueManagement, ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.queueManagement()
      },
      look(at: "other-run", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.otherRun()
      },
      look(at: "channels", ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.channels()
      },
      look(at: "bound-queues", ifUnsupported: .unknown) { preflight throws(Failure) in
        try preflight.boundQueues()
      },
      look(at: "page-pools", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.pagePools()
      },
      look(at: "af-xdp", ifUnsupported: .unknown) { preflight throws(Failure) in
        try preflight.xdpSockets()
      },
      look(at: "xdp", ifUnsupported: .unknown) { preflight throws(Failure) in
        try preflight.xdpProgram()
      },
    ]
  }

  private func operation() throws(Failure) -> Observation {
    let link = try link.get()
    guard link.isUp else {
      return .missing("it is down", do: "ip link set \(interface.name) up")
    }
    // A run can start, and receives once there is one.
    guard link.isOperational else {
      return .warn("up, without a carrier", do: "connect it to the peer, and bring that end up")
    }
    return .ok("up")
  }

  /// Whether the driver can restart the queues: asked by a bind that fails. The kernel gets as far as
  /// the memory also where the driver lacks the callbacks, or has some that refuse
  /// (`net/core/netdev_rx_queue.c`, `netdev_rx_queue_reconfig`): only memory in a queue proves them.
  private mutating func queueManagement() throws(Failure) -> Observation {
    let netdev = try netdev.get()
    guard netdev.capabilities.bindsReceive else {
      throw Failure("try a bind without bind-rx", kind: .unsupported)
    }
    let wanted = wantedQueues()
    if let wanted, let refusal = interface.refusal(toBind: wanted) {
      return .missing(refusal.reason ?? refusal.operation, do: refusal.hint)
    }
    switch try netdev.tryReceive(
      onInterface: interface.index, queue: wanted?.lowerBound ?? 0)
    {
    case .refusedMemory: break
    case .unsupported(let refusal):
      if interface.bindsLeasedQueues {
        let queue = wanted.map { "queue \($0.lowerBound)" } ?? "queue 0"
        return .missing(
          "\(queue) stands for none of a physical NIC: \(refusal.line)",
          do: "name a leased queue: -t N -q 1")
      }
      // A kernel that has no words for it only names the attribute that it stopped at.
      return .missing(
        refusal.words == nil
          ? "bind-rx does not accept the interface" : "bind-rx refuses: \(refusal.line)",
        do: "use a driver that restarts single queues, such as bnxt, fbnic, gve or mlx5")
    case .notPermitted where environment.privileges.administersNetwork:
      return .unknown("bind-rx is refused (EPERM), whatever \(Self.privilege) shows")
    case .notPermitted:
      return .unknown("asking bind-rx needs privilege", do: "see \(Self.privilege)")
    case .refused(let refusal): return .missing("bind-rx refuses: \(refusal.line)")
    }
    // The first queue may differ: gve restarts any but that.
    let includesFirst = wanted?.contains(0) == true
    let holders = try queueStates().filter {
      $0.hasForeignMemory && (!includesFirst || $0.index == 0)
    }
    if let holder = holders.first {
      return .ok("the driver has restarted queue \(holder.index), which has device memory now")
    }
    let first = includesFirst ? "; some drivers, such as gve, cannot restart queue 0" : ""
    // Older kernels, such as 6.12, check the memory first. The loopback has no queue management, so
    // the answer for it shows whether the answer for another interface means anything.
    guard case .unsupported = try netdev.tryReceive(onInterface: 1, queue: 0) else {
      return .unknown("only a real bind shows it on this kernel\(first)", do: "add --probe")
    }
    return .unknown(
      "the driver has it, but only a real bind shows whether it restarts a queue\(first)",
      do: "add --probe")
  }

  /// Whether a run of this tool has the interface, or has left it changed.
  private func otherRun() throws(Failure) -> Observation {
    if let reason = InterfaceLock.reason(
      againstRunOn: interface.index, prefix: environment.lockPrefix)
    {
      return .missing(reason, do: "wait for its end")
    }
    let name = Journal.name(on: try Host.current(), interface: interface.index)
    for place in environment.places {
      do throws(Failure) {
        let directory = try RuntimeDirectory(at: place)
        var journal = try Journal(named: name, in: directory, creating: false, patience: .zero)
        guard try journal.record() != nil else { continue }
        return .warn(
          "a killed run has left changes behind; the next run undoes them",
          do: "ncdevmem --restore -f \(interface.name)")
      } catch {
        switch error.errno {
        case .noEntry: continue
        case .busy: return .missing(error.reason ?? "another run has it", do: "wait for its end")
        default: throw error
        }
      }
    }
    return .ok("none has the interface")
  }

  private mutating func channels() throws(Failure) -> Observation {
    if interface.bindsLeasedQueues { return try leasedQueues() }
    let count = try interface.receiveQueueCount
    let command = interface.commandForMoreQueues()
    if let wish = target.queues, wish.upperBound > count {
      return .missing("RX queues 0 to \(count - 1), no queue \(wish.upperBound - 1)", do: command)
    }
    guard let queues = queues() else {
      return .missing("RX queues: \(count), and one must stay for other traffic", do: command)
    }
    let most = try? interface.channels().mostReceiveQueues
    let limit = most.map { $0 > 0 ? " of at most \($0)" : "" } ?? ""
    return .ok("RX queues: \(count)\(limit), \(queues.namedAsQueues) to be bound")
  }

  /// Which queues a virtual interface has, and for which of a physical NIC they stand.
  private mutating func leasedQueues() throws(Failure) -> Observation {
    let own = try queueStates().filter { $0.direction == .receive }.map(\.index)
    let leased = try netdev.get().queues(leasedToInterface: interface.index)
    let physical = leased.compactMap { queue in
      queue.lease.map { lease in
        let name = Interface.name(at: queue.interface) ?? "interface \(queue.interface)"
        return "queue \(lease.queue) stands for queue \(queue.index) of \(name)"
      }
    }
    let seen =
      physical.isEmpty
      ? "RX queues: \(own.count), the physical NIC is in another network namespace"
      : "RX queues: \(own.count), \(physical.joined(separator: ", "))"
    guard let wanted = target.queues else {
      let last = leased.compactMap { $0.lease?.queue }.max() ?? own.max()
      return .missing(seen, do: "name a leased queue: -t \(last.map { "\($0)" } ?? "N") -q 1")
    }
    guard wanted.allSatisfy(own.contains) else {
      return .missing(
        "\(seen); not all of \(wanted.namedAsQueues)", do: "name a leased queue (-t, -q)")
    }
    return .ok("\(seen), \(wanted.namedAsQueues) to be bound")
  }

  private mutating func boundQueues() throws(Failure) -> Observation {
    var inTheWay: [String] = []
    var elsewhere: [String] = []
    var isHeld = false
    for queue in try queueStates() where queue.direction == .receive {
      let claim: String
      switch queue.owner {
      case .binding(let id):
        claim = "has binding \(id)"
        isHeld = true
      case .ioUring: claim = "belongs to io_uring"
      case .xdpSocket, nil:
        guard let lease = queue.lease else { continue }
        claim = "is leased to \(name(of: lease))"
      }
      if wants(queue.index) {
        inTheWay.append("queue \(queue.index) \(claim)")
      } else {
        elsewhere.append("queue \(queue.index) \(claim)")
      }
    }
    let claims = (inTheWay + elsewhere).joined(separator: ", ")
    guard !claims.isEmpty else { return .ok("none") }
    let holders = isHeld ? ", held \(BindingHolders(files))" : ""
    guard inTheWay.isEmpty else {
      return .missing(claims + holders, do: "end their users, or choose other queues (-t, -q)")
    }
    return .ok(claims + holders)
  }

  private func name(of lease: QueueState.Lease) -> String {
    guard !lease.isElsewhere else {
      return "a virtual device in another network namespace, as its queue \(lease.queue)"
    }
    let name = Interface.name(at: lease.interface) ?? "interface \(lease.interface)"
    return "the virtual device \(name), as its queue \(lease.queue)"
  }

  /// Pools that a driver has released and that wait for device memory to come back.
  private func pagePools() throws(Failure) -> Observation {
    let waiting = try netdev.get().pagePools().filter { $0.binding != nil && $0.isDetached }
    guard !waiting.isEmpty else { return .ok("no page pool still holds memory of an earlier run") }
    let pools = waiting.map { "pool \($0.id) waits for \($0.inFlight) buffers" }
    return .warn(
      "of ended bindings, " + pools.joined(separator: ", "),
      do: "close the sockets that hold them, or wait some seconds")
  }

  private mutating func xdpSockets() throws(Failure) -> Observation {
    let taken = Set(try queueStates().filter { $0.owner == .xdpSocket }.map(\.index))
    let inTheWay = taken.filter { wants($0) }
    guard inTheWay.isEmpty else {
      return .missing(
        "on \(list(inTheWay.sorted()))", do: "end its program, or choose other queues (-t, -q)")
    }
    return .ok(taken.isEmpty ? "no queue has such a socket" : "on \(list(taken.sorted())) only")
  }

  private func xdpProgram() throws(Failure) -> Observation {
    guard let program = try link.get().xdp else { return .ok("no program") }
    let id = program.id.map { "program \($0)" } ?? "programs"
    let (mode, option) =
      switch program.mode {
      case .driver: ("in the driver", "xdpdrv")
      case .generic: ("in generic mode", "xdpgeneric")
      case .hardware: ("in hardware", "xdpoffload")
      case .several: ("in several modes", "xdp")
      }
    return .missing(
      "\(id) \(mode): no queue can be bound", do: "ip link set \(interface.name) \(option) off")
  }

  private func queueStates() throws(Failure) -> [QueueState] {
    try netdev.get().queues(ofInterface: interface.index)
  }

  private func list(_ queues: [UInt32]) -> String {
    "queue " + queues.map(String.init).joined(separator: ", ")
  }
}
