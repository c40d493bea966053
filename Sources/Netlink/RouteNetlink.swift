// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// What the kernel reports of an interface, whatever its driver.
package struct Link: Equatable, Sendable {
  /// Whether it is administratively up (`IFF_UP`).
  package let isUp: Bool
  /// Whether packets can pass: up, or of a kind that does not report it (`IF_OPER_UNKNOWN`).
  package let isOperational: Bool
  /// Whether the driver has a carrier, or does not report it. `isOperational` may be a second
  /// behind it.
  package let hasCarrier: Bool
  /// How often the carrier was lost or came back since the interface was made; `nil` where the
  /// kernel does not report it.
  package let carrierChanges: UInt32?
  /// The most bytes that a packet has.
  package let mtu: UInt32
  /// The XDP program on the interface; `nil` where there is none.
  package let xdp: XDPProgram?

  /// An XDP program on an interface.
  package struct XDPProgram: Equatable, Sendable {
    /// Where it runs. The corresponding C constants begin with `XDP_ATTACHED_`.
    package enum Mode: UInt8, Sendable {
      /// In the driver (`XDP_ATTACHED_DRV`).
      case driver = 1
      /// In the stack, behind the driver (`XDP_ATTACHED_SKB`).
      case generic = 2
      /// In the device (`XDP_ATTACHED_HW`).
      case hardware = 3
      /// Several programs, in different modes (`XDP_ATTACHED_MULTI`).
      case several = 4
    }

    /// Where the program runs.
    package let mode: Mode
    /// The kernel's number for it; `nil` where there are several.
    package let id: UInt32?
  }

  /// Reads one answer.
  ///
  /// - Throws: `EBADMSG` where it lacks what every interface has.
  init(_ message: Message) throws(Errno) {
    isUp = try message.payload.first(as: ifinfomsg.self).ifi_flags & UInt32(IFF_UP.rawValue) != 0
    let answer = try message.attributes(behind: MemoryLayout<ifinfomsg>.size)
    let state: UInt8 = try answer.integer(UInt16(IFLA_OPERSTATE)) ?? 0
    isOperational = [0, 5, 6].contains(state)
    hasCarrier = try answer.integer(UInt16(IFLA_CARRIER)) != 0 as UInt8
    carrierChanges = try answer.integer(UInt16(IFLA_CARRIER_CHANGES))
    mtu = try answer.required(UInt16(IFLA_MTU))
    let xdp = try answer.nest(UInt16(IFLA_XDP))
    let mode: UInt8 = try xdp?.integer(UInt16(IFLA_XDP_ATTACHED)) ?? 0
    let id: UInt32? = try xdp?.integer(UInt16(IFLA_XDP_PROG_ID))
    self.xdp = XDPProgram.Mode(rawValue: mode).map { XDPProgram(mode: $0, id: id) }
  }
}

/// A conversation with rtnetlink: one request at a time, each with a deadline.
package struct RouteNetlink: ~Copyable {
  var conversation: Conversation

  /// Opens a socket of its own, which is closed with the value.
  ///
  /// - Throws: A failure where the kernel gives no socket.
  package init() throws(Failure) {
    let socket = try attempt("open an rtnetlink socket") { () throws(Errno) in
      try NetlinkSocket.route()
    }
    self.init(over: socket)
  }

  /// Talks over a given transport.
  package init(over transport: consuming any NetlinkTransport & ~Copyable) {
    conversation = Conversation(over: transport)
  }

  /// Asks what an interface is like. The corresponding command is `RTM_GETLINK`.
  ///
  /// - Throws: A failure with `ENODEV` where there is no interface of this index.
  package mutating func link(ofInterface index: UInt32) throws(Failure) -> Link {
    let request = Request(
      type: UInt16(RTM_GETLINK),
      header: ifinfomsg(
        ifi_family: 0, __ifi_pad: 0, ifi_type: 0, ifi_index: CInt(bitPattern: index), ifi_flags: 0,
        ifi_change: 0))
    return try conversation.get(request, "read the link of", on: "interface \(index)", hint: nil) {
      answer throws(Errno) in
      try Link(answer)
    }
  }

  /// Asks for the name of the interface that has a name among its own and its alternative ones. The
  /// corresponding command is `RTM_GETLINK` with `IFLA_ALT_IFNAME`, which takes either (`net/core/
  /// rtnetlink.c`, `rtnl_dev_get`).
  ///
  /// - Throws: A failure with `ENODEV` where no interface has the name.
  package mutating func name(ofInterfaceNamed name: String) throws(Failure) -> String {
    var request = Request(
      type: UInt16(RTM_GETLINK),
      header: ifinfomsg(
        ifi_family: 0, __ifi_pad: 0, ifi_type: 0, ifi_index: 0, ifi_flags: 0, ifi_change: 0))
    request.put(UInt16(IFLA_ALT_IFNAME), name)
    return try conversation.get(request, "find the interface", on: name, hint: nil) {
      answer throws(Errno) in
      let attributes = try answer.attributes(behind: MemoryLayout<ifinfomsg>.size)
      guard let own = attributes.string(UInt16(IFLA_IFNAME)) else { throw .badMessage }
      return own
    }
  }
}
