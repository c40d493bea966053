// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel

/// What rtnetlink announces about the interfaces of this network namespace, each time that one
/// comes, goes or changes. The corresponding C constant is `RTNLGRP_LINK`.
package struct LinkEvents: ~Copyable {
  /// What was announced about one interface.
  package enum News: Equatable, Sendable {
    /// Something changed, or too much was announced to know.
    case change
    /// The interface is gone (`RTM_DELLINK`).
    case end
    /// The interface is now another network namespace's (`IFLA_NEW_NETNSID` of `RTM_DELLINK`;
    /// `net/core/dev.c`, `__dev_change_net_namespace`).
    case departure
  }

  /// Readable while announcements wait.
  package let descriptor: Descriptor
  private var transport: any NetlinkTransport & ~Copyable

  /// The most datagrams that are taken at once. Where more come, they have been too many to look
  /// at each: the socket's own queue may have lost some, too.
  private static let limit = 64

  /// Begins to listen.
  ///
  /// - Throws: A failure where the kernel gives no socket.
  package init() throws(Failure) {
    let socket = try attempt("listen to rtnetlink") { () throws(Errno) in
      try NetlinkSocket.linkEvents()
    }
    let descriptor = socket.descriptor
    self.init(over: socket, descriptor: descriptor)
  }

  /// Listens to a given transport.
  package init(
    over transport: consuming any NetlinkTransport & ~Copyable, descriptor: Descriptor
  ) {
    self.descriptor = descriptor
    self.transport = transport
  }

  /// Takes what waits, at most 64 datagrams.
  ///
  /// - Returns: The news about an interface; `nil` where there is none.
  package mutating func take(about index: UInt32) -> News? {
    var news: News?
    for _ in 0..<Self.limit {
      do throws(Errno) {
        for message in try Message.split(try transport.receive(until: .now)) {
          switch try Self.news(in: message, about: index) {
          case .departure: return .departure
          case .end: news = .end
          case .change where news == nil: news = .change
          case .change, nil: break
          }
        }
      } catch {
        // Another error, such as ENOBUFS, hides what was announced.
        return error == .timedOut ? news : news ?? .change
      }
    }
    return news ?? .change
  }

  private static func news(in message: Message, about index: UInt32) throws(Errno) -> News? {
    let type = Int(message.type)
    guard [Int(RTM_NEWLINK), Int(RTM_DELLINK)].contains(type) else { return nil }
    let header = try message.payload.first(as: ifinfomsg.self)
    guard UInt32(bitPattern: header.ifi_index) == index else { return nil }
    // A bridge announces the end of a port in the same words (`br_ifinfo_notify`).
    guard type == Int(RTM_DELLINK), header.ifi_family == AF_UNSPEC else { return .change }
    let attributes = try message.attributes(behind: MemoryLayout<ifinfomsg>.size)
    return attributes.bytes(UInt16(IFLA_NEW_NETNSID)) != nil ? .departure : .end
  }
}
