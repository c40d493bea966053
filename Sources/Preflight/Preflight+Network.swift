// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Netdev
internal import Netlink
internal import Options

/// What decides how well a run goes.
extension Preflight {
  mutating func networkFindings() -> [Finding] {
    [
      look(at: "mtu", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.packetSize()
      },
      look(at: "gro", ifUnsupported: .warn, otherwise: .warn) { preflight throws(Failure) in
        try preflight.receiveOffload()
      },
      Finding("receive-buffer", receiveBuffer()),
      Finding("option-memory", optionMemory()),
    ]
  }

  /// Compares a packet's payload with the NIC's buffers, which hold one packet's payload or a part.
  private func packetSize() throws(Failure) -> Observation {
    let mtu = try link.get().mtu
    let buffer = target.binding.rxPageSize.map { Int($0) } ?? pageSize
    // The headers of IPv4 and of TCP with its time stamps.
    let payload = Int(mtu) - 20 - 32
    let seen = "\(mtu): \(max(0, payload)) bytes of payload a packet, buffers of \(buffer)"
    guard payload > buffer else { return .ok(seen) }
    var fitting = buffer
    while fitting < payload { fitting *= 2 }
    return .warn("\(seen): several fragments a packet", do: "run with -b \(fitting)")
  }

  private mutating func receiveOffload() throws(Failure) -> Observation {
    let active = Set(try interface.features().filter(\.isActive).map(\.name))
    let inHardware = active.contains("rx-gro-hw") ? ", and in hardware" : ""
    guard active.contains("rx-gro") else {
      return .warn(
        "off: the kernel handles each packet by itself", do: "ethtool -K \(interface.name) gro on")
    }
    return .ok("on" + inHardware)
  }

  /// How far the kernel lets a socket's receive buffer grow, and programs set it.
  private func receiveBuffer() -> Observation {
    let limits = files.numbers("/proc/sys/net/ipv4/tcp_rmem")
    let settable = files.number("/proc/sys/net/core/rmem_max").map { "\($0)" } ?? "not reported"
    guard limits.count == 3 else { return .warn("tcp_rmem cannot be read") }
    let seen = "tcp_rmem up to \(limits[2]) bytes, rmem_max \(settable)"
    guard limits[2] >= Self.receiveBufferNeed else {
      return .warn(
        "\(seen): too little for a fast link",
        do: "sysctl -w net.ipv4.tcp_rmem='\(limits[0]) \(limits[1]) 6291456'")
    }
    return .ok(seen)
  }

  /// Each send in flight takes a notification from this; a send without one fails with `ENOBUFS`.
  private func optionMemory() -> Observation {
    guard let limit = files.number("/proc/sys/net/core/optmem_max") else {
      return .warn("optmem_max cannot be read")
    }
    guard limit >= Self.optionMemoryNeed else {
      return .warn(
        "optmem_max \(limit): few sends in flight",
        do: "sysctl -w net.core.optmem_max=\(Self.optionMemoryNeed)")
    }
    return .ok("optmem_max \(limit)")
  }

  /// Bytes on the way at 10 Gbit/s and 1 ms, rounded.
  private static let receiveBufferNeed = 1 << 20
  /// The default since 6.7.
  private static let optionMemoryNeed = 1 << 17
}
