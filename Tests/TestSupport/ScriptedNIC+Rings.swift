// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Kernel
internal import NIC
internal import Netlink

/// Ring parameters, of which the kernel keeps one configuration and the driver does what it does.
extension ScriptedNIC {
  /// What a driver makes of a configured split.
  package enum SplitDriver: Sendable {
    /// It does what was configured, and has a choice of its own (`automaticSplit`).
    case plain
    /// It does what was configured, and reports nothing: the kernel reports what was configured.
    case silent
    /// It always splits, and refuses not to (`fbnic`; `bnxt` with aggregation rings).
    case alwaysEnabled
    /// It does what was configured, and refuses not to split by name (`bnxt` without such rings).
    case unnamed
    /// It keeps its split where the choice is its own (`gve`).
    case keeping
  }

  /// Does a request to set ring parameters as the kernel does: one that changes nothing does not
  /// reach the driver, and one that does is announced.
  func setRings(_ attributes: Attributes) throws(Errno) {
    let newSplit: UInt8? = try attributes.integer(11)
    let newThreshold: UInt32? = try attributes.integer(17)
    var sizes = self.sizes
    sizes.receive = try attributes.integer(6) ?? sizes.receive
    sizes.transmit = try attributes.integer(9) ?? sizes.transmit
    guard newThreshold == nil || threshold != nil else { throw .notSupported }
    let configured = keepsConfiguration ? configuredSplit : split
    let asked = newSplit ?? configured
    var parts: [String] = []
    if let newSplit, newSplit != configured { parts.append("split \(newSplit)") }
    if let newThreshold, newThreshold != threshold { parts.append("threshold \(newThreshold)") }
    if sizes != self.sizes { parts.append("rings \(sizes.receive ?? 0) \(sizes.transmit ?? 0)") }
    guard !parts.isEmpty else {
      // The kernel looks for the driver's support first.
      guard newSplit == nil || !lacksSplit else { throw .notSupported }
      return
    }
    guard try write(parts.joined(separator: ", ")) else { return }
    if asked == 2, needsHardwareGRO, !hardwareGRO.isActive { throw .invalidArgument }
    if asked == 1, configured != 1, [.alwaysEnabled, .unnamed].contains(splitDriver) {
      throw .invalidArgument
    }
    configuredSplit = asked
    if !ignored.contains("threshold") { threshold = newThreshold ?? threshold }
    self.sizes = sizes
    switch splitDriver {
    case .plain, .unnamed: split = asked == 0 ? automaticSplit : asked
    case .silent: split = asked
    case .alwaysEnabled: split = 2
    case .keeping: split = asked == 0 ? split : asked
    }
    if asked == 2, let cut {
      self.sizes = cut.sizes
      queueCount = cut.queues
    }
    let header = NetlinkBytes.nest(1, NetlinkBytes.attribute(1, UInt32(7)))
    let message = [UInt8(ETHTOOL_MSG_RINGS_NTF), 1, 0, 0] + header
    announcements.append(
      NetlinkBytes.message(type: 21, flags: 0, sequence: 1, port: 0, message))
  }
}

extension ScriptedNIC {
  /// Whether the driver has no such ring parameter.
  private var lacksSplit: Bool {
    refusals.contains { $0.line == "split" && Errno($0.errno) == .notSupported }
  }
}

/// What the kernel announces about its rings.
final class RingAnnouncements: NetlinkTransport {
  private let nic: ScriptedNIC

  init(of nic: ScriptedNIC) { self.nic = nic }

  var port: UInt32 { NetlinkBytes.port }

  func send(_ datagram: [UInt8]) throws(Errno) { throw .notSupported }

  func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    guard !nic.announcements.isEmpty else { throw .timedOut }
    return nic.announcements.removeFirst()
  }
}
