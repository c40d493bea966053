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
      look(at: "copybreak", ifUnsupported: .ok, otherwise: .warn) { preflight throws(Failure) in
        try preflight.copybreak()
      },
      Finding("receive-buffer", receiveBuffer()),
      Finding("option-memory", optionMemory()),
    ]
  }

  /// Compares a packet's payload with the NIC's buffers, which hold one packet's payload or a part.
  private mutating func packetSize() throws(Failure) -> Observation {
    let mtu = try link.get().mtu
    // The headers of IPv4 and of TCP with its time stamps.
    let payload = max(0, Int(mtu) - 20 - 32)
    let rings = try? interface.rings()
    let size = bufferSize(by: rings)
    let seen = "\(mtu): \(payload) bytes of payload a packet, buffers of \(size)"
    guard payload > size else { return .ok(seen) }
    return .warn(
      "\(seen): several fragments a packet", do: try remedyForSmallBuffers(payload, by: rings))
  }

  /// How the NIC's buffers become larger. A driver that reports their size has a ring parameter for
  /// it, and none of these has `rx-page-size` (gve, whose largest are of 4096 bytes); of the others,
  /// only a bind shows which have that.
  private func remedyForSmallBuffers(_ payload: Int, by rings: Rings?) throws(Failure) -> String? {
    if target.binding.rxPageSize == nil, let size = rings?.bufferSize {
      return size < 4096
        ? "ethtool -G \(interface.name) rx-buf-len 4096, where the device offers it" : nil
    }
    guard try netdev.get().capabilities.rxPageSizeAttribute != nil else { return "use Linux 7.3" }
    var fitting = pageSize
    while fitting < payload { fitting *= 2 }
    return "run with -b \(fitting), where the driver has such buffers (bnxt, mlx5): "
      + "--probe -b \(fitting) shows it"
  }

  /// The size of the NIC's buffers: what the run asks for, what the driver reports, or a page.
  ///
  /// - Parameter rings: What the driver reports; `nil` where it reports nothing.
  func bufferSize(by rings: Rings?) -> Int {
    (target.binding.rxPageSize ?? rings?.bufferSize).map { Int($0) } ?? pageSize
  }

  private mutating func receiveOffload() throws(Failure) -> Observation {
    let features = try interface.features()
    guard features.contains(where: { $0.name == "rx-gro" && $0.isActive }) else {
      return .warn(
        "off: the kernel handles each packet by itself", do: "ethtool -K \(interface.name) gro on")
    }
    guard let hardware = features.first(where: { $0.name == Feature.hardwareGRO }),
      hardware.isActive || hardware.isAvailable
    else { return .ok("on") }
    return .ok("on; in hardware (\(hardware.name)) \(hardware.isActive ? "on" : "off")")
  }

  /// What a driver copies to the host's memory, it cannot leave in a queue's.
  private mutating func copybreak() throws(Failure) -> Observation {
    guard let bytes = try interface.receiveCopybreak(), bytes > 0 else { return .ok("none") }
    let seen = "rx-copybreak \(bytes)"
    // Both copy headers alone (`bnxt_rx_pkt`, `gve_rx_dqo`).
    if ["bnxt_en", "gve"].contains(interface.driver) {
      return .ok("\(seen): this driver leaves split payload where it is")
    }
    return .warn(
      "\(seen): the driver may copy payload of so many bytes out of device memory",
      do: "ethtool --set-tunable \(interface.name) rx-copybreak 0")
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
