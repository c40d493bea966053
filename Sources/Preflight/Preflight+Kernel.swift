// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel
internal import NIC
internal import Netdev
internal import Netlink
internal import Options

/// What the kernel can do, and lets this process do.
extension Preflight {
  mutating func kernelFindings() -> [Finding] {
    [
      Finding("kernel", .ok("Linux \(files.text("/proc/sys/kernel/osrelease") ?? "unknown")")),
      look(at: "bind-rx", ifUnsupported: .missing) { preflight throws(Failure) in
        try preflight.bindReceive()
      },
      look(at: "bind-tx", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.bindTransmit()
      },
      look(at: Self.rxPageSize, ifUnsupported: .warn, otherwise: .warn) {
        preflight throws(Failure) in try preflight.rxPageSize()
      },
      look(at: "token-mode", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.tokenMode()
      },
      look(at: "queue-leasing", ifUnsupported: .warn, otherwise: .warn) {
        preflight throws(Failure) in try preflight.queueLeasing()
      },
      look(at: Self.privilege, ifUnsupported: .unknown) { preflight throws(Failure) in
        try preflight.privilege()
      },
    ]
  }

  private func bindReceive() throws(Failure) -> Observation {
    guard try netdev.get().capabilities.bindsReceive else {
      return .missing(
        "the netdev family has no such command", do: "use Linux 6.12 with CONFIG_NET_DEVMEM")
    }
    return .ok("the netdev family has the command")
  }

  /// Asks the driver too: for sending, nothing else is needed.
  private func bindTransmit() throws(Failure) -> Observation {
    let netdev = try netdev.get()
    guard netdev.capabilities.bindsTransmit else {
      return .warn(
        "the netdev family has no such command: no sending",
        do: "use Linux 6.16 with CONFIG_NET_DEVMEM")
    }
    return switch try netdev.trySend(onInterface: interface.index) {
    case .refusedMemory: .ok("the netdev family has the command, and the driver can send")
    case .unsupported(let refusal):
      .warn(
        "no sending: \(refusal.reason ?? "the driver or the kernel cannot")",
        do: "use a driver that sends from device memory, such as bnxt, fbnic, gve or mlx5")
    case .notPermitted: .warn("asking for it needs privilege")
    case .refused(let refusal): .warn(refusal.line)
    }
  }

  private func rxPageSize() throws(Failure) -> Observation {
    guard try netdev.get().capabilities.rxPageSizeAttribute != nil else {
      let seen = "bind-rx has no such attribute: the NIC's buffers are pages (no -b)"
      let verdict: Observation.Verdict = target.binding.rxPageSize == nil ? .warn : .missing
      return Observation(verdict, seen, do: "use Linux 7.3")
    }
    guard target.binding.rxPageSize == nil else {
      return .unknown(
        "bind-rx has the attribute; only a real bind shows whether the driver has such buffers",
        do: "add --probe")
    }
    return .ok("bind-rx has the attribute; a bind with -b shows whether the driver supports it")
  }

  private func tokenMode() throws(Failure) -> Observation {
    let attribute: NetdevCapabilities.AutoreleaseAttribute?
    let capabilities = try netdev.get().capabilities
    do throws(Failure) {
      attribute = try capabilities.autorelease(numbered: target.binding.autoreleaseAttribute)
    } catch {
      // A run that names the attribute fails without it.
      return Observation(.missing, error)
    }
    guard let attribute else {
      let seen = "tokens are kept by socket; the kernel has no other mode"
      return target.binding.autorelease == false ? .missing(seen, do: "run with -a 1") : .ok(seen)
    }
    return .ok("tokens are kept by binding or by socket (attribute \(attribute.number))")
  }

  private func queueLeasing() throws(Failure) -> Observation {
    let command = UInt8(CLinux_NETDEV_CMD_QUEUE_CREATE.rawValue)
    guard try netdev.get().commands[command] != nil else {
      return .ok("the netdev family has none: only this network namespace can bind its queues")
    }
    return .ok("the netdev family has it: a virtual device (netkit) can bind queues of this one")
  }

  /// Compares what bind-rx demands with what the process has.
  private func privilege() throws(Failure) -> Observation {
    let demand = try netdev.get().commands[UInt8(CLinux_NETDEV_CMD_BIND_RX.rawValue)]
    let privileges = environment.privileges
    let own = privileges.own?.description ?? "a user namespace"
    guard privileges.administersNetwork else {
      let place =
        demand == .initialNamespace
        ? "the initial user namespace" : "the user namespace that owns this network namespace"
      return .missing(
        "no CAP_NET_ADMIN in \(own); it is needed in \(place)",
        do: "run as root there (containers: --cap-add NET_ADMIN), or start it with the ambient "
          + "capability: setpriv --inh-caps=+net_admin --ambient-caps=+net_admin ncdevmem")
    }
    guard let owner = privileges.owner else {
      return .missing(
        "CAP_NET_ADMIN in \(own), but another one above it owns this network namespace",
        do: "run as root in that one; a rootless container cannot")
    }
    guard demand != .initialNamespace || privileges.own == .initial else {
      return .missing(
        "CAP_NET_ADMIN in \(own); this kernel's bind-rx needs it in the initial user namespace",
        do: "run as root outside of containers, or use Linux 7.3")
    }
    let owns = owner == privileges.own ? "which owns" : "which is above that of"
    return .ok("CAP_NET_ADMIN in \(own), \(owns) this network namespace")
  }
}
