// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// One interface, and which others it has to do with.
package struct StackedLink: Equatable, Sendable {
  /// Its number.
  package let index: UInt32
  /// Its name.
  package let name: String
  /// What it is, such as `bond` or `vlan`; `nil` for hardware (`IFLA_INFO_KIND`).
  package let kind: String?
  /// The interface that it is a part of, such as a bond (`IFLA_MASTER`); `nil` if of none.
  package let master: UInt32?
  /// What that is, such as `bond` (`IFLA_INFO_SLAVE_KIND`).
  package let masterKind: String?
  /// The interface that it stands on, of this network namespace; `nil` if on none.
  package let lower: UInt32?
  /// Whether there is a device beneath it, be it a physical or an emulated one: bridges, VLANs,
  /// tunnels and the like have none (`IFLA_PARENT_DEV_NAME`).
  package let hasDevice: Bool

  /// Kinds whose `IFLA_LINK` is what they stand on. That of others may be their other end.
  private static let dependentKinds = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"]

  /// Kinds that receive in place of what is a part of them. A VRF does not.
  private static let gatheringKinds: Set<String> = ["bond", "team", "bridge"]

  /// Whether it receives in place of what is a part of it.
  package var gathers: Bool { kind.map(Self.gatheringKinds.contains) ?? false }

  /// Reads one answer.
  ///
  /// - Throws: `EBADMSG` where it lacks what every interface has.
  init(_ message: Message) throws(Errno) {
    index = UInt32(bitPattern: try message.payload.first(as: ifinfomsg.self).ifi_index)
    let answer = try message.attributes(behind: MemoryLayout<ifinfomsg>.size)
    guard let name = answer.string(UInt16(IFLA_IFNAME)) else { throw .badMessage }
    self.name = name
    let information = try answer.nest(UInt16(IFLA_LINKINFO))
    kind = information?.string(UInt16(IFLA_INFO_KIND))
    masterKind = information?.string(UInt16(IFLA_INFO_SLAVE_KIND))
    master = try answer.integer(UInt16(IFLA_MASTER))
    let isElsewhere = answer.bytes(UInt16(IFLA_LINK_NETNSID)) != nil
    let isDependent = kind.map(Self.dependentKinds.contains) ?? false
    hasDevice = answer.bytes(UInt16(IFLA_PARENT_DEV_NAME)) != nil
    lower = isDependent && !isElsewhere ? try answer.integer(UInt16(IFLA_LINK)) : nil
  }
}

/// How the interfaces of a network namespace stand on one another: a VLAN on a bond, a bond on its
/// ports.
package struct LinkStack: Sendable {
  /// All interfaces.
  package let links: [StackedLink]

  /// The interface of an index; `nil` where there is none.
  package func link(_ index: UInt32) -> StackedLink? { links.first { $0.index == index } }

  /// The interfaces that one stands on, if it does: a bond's ports, a VLAN's bond.
  package func below(_ index: UInt32) -> [StackedLink] {
    guard let link = link(index) else { return [] }
    return links.filter { $0.index == link.lower || (link.gathers && $0.master == index) }
  }

  /// The interfaces at the bottom of one that stands on others, in the order of the kernel's list;
  /// none where it stands on none.
  package func ports(of index: UInt32) -> [StackedLink] {
    let found = descend(from: index)
    return links.filter { found.contains($0.index) && below($0.index).isEmpty }
  }

  /// Whether an interface stands on another, be it on a third one between.
  package func stands(_ upper: UInt32, on lower: UInt32) -> Bool {
    descend(from: upper).contains(lower)
  }

  /// All interfaces below one. The kernel stacks no more than 8 (`MAX_NEST_DEV`).
  private func descend(from index: UInt32) -> Set<UInt32> {
    var found: Set<UInt32> = []
    var level = [index]
    for _ in 0..<8 where !level.isEmpty {
      level = level.flatMap { below($0).map(\.index) }
      found.formUnion(level)
    }
    return found
  }
}

extension RouteNetlink {
  /// All interfaces of the network namespace. The corresponding command is `RTM_GETLINK`.
  ///
  /// - Throws: A failure with the kernel's error.
  package mutating func stack() throws(Failure) -> LinkStack {
    var request = Request(type: UInt16(RTM_GETLINK), header: ifinfomsg())
    // Counters would make most of the answer.
    request.put(UInt16(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
    return LinkStack(
      links: try conversation.dump(request, "list the interfaces", on: "", hint: nil) {
        message throws(Errno) in
        try StackedLink(message)
      })
  }

  /// The interface that a route to an address leaves by. The corresponding command is
  /// `RTM_GETROUTE`.
  ///
  /// - Parameter source: Where packets come from; the kernel's choice if `nil`.
  /// - Throws: A failure with `ENETUNREACH` and the like where there is none.
  package mutating func routeInterface(
    to address: IPAddress, from source: IPAddress?
  ) throws(Failure) -> UInt32 {
    try conversation.get(
      routeRequest(to: address, from: source), "find the route to", on: "\(address)", hint: nil
    ) { message throws(Errno) in
      let attributes = try message.attributes(behind: MemoryLayout<rtmsg>.size)
      return try attributes.required(UInt16(RTA_OIF.rawValue))
    }
  }

  /// Whether a routing table has a route to an address that leaves by an interface. Where none has,
  /// IPv4 takes the address to be a neighbour there (`net/ipv4/route.c`,
  /// `ip_route_output_key_hash_rcu`), which this does not count. The corresponding command is
  /// `RTM_GETROUTE` with `RTM_F_FIB_MATCH`.
  package mutating func hasRoute(
    to address: IPAddress, from source: IPAddress?, through interface: UInt32
  ) -> Bool {
    var request = routeRequest(to: address, from: source, flags: UInt32(RTM_F_FIB_MATCH))
    request.put(UInt16(RTA_OIF.rawValue), interface)
    do throws(Failure) {
      try conversation.get(request, "find a route", on: "\(address)", hint: nil) { _ in }
      return true
    } catch {
      return false
    }
  }

  private func routeRequest(
    to address: IPAddress, from source: IPAddress?, flags: UInt32 = 0
  ) -> Request {
    let bits = UInt8(address.octets.count * 8)
    let family = address.family == .v4 ? AF_INET : AF_INET6
    var request = Request(
      type: UInt16(RTM_GETROUTE),
      header: rtmsg(
        rtm_family: UInt8(family), rtm_dst_len: bits, rtm_src_len: source == nil ? 0 : bits,
        rtm_tos: 0, rtm_table: 0, rtm_protocol: 0, rtm_scope: 0, rtm_type: 0, rtm_flags: flags))
    request.put(UInt16(RTA_DST.rawValue), address.octets)
    if let source { request.put(UInt16(RTA_SRC.rawValue), source.octets) }
    return request
  }
}
