// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
internal import Netlink

/// The kernel's end of an rtnetlink socket, which is asked for one interface.
package final class ScriptedRoute: NetlinkTransport {
  private let interface: UInt32
  private let flags: UInt32?
  private let link: [UInt8]
  private var datagrams: [[UInt8]] = []

  /// The port that the messages are for.
  package var port: UInt32 { NetlinkBytes.port }

  /// A kernel with one interface.
  ///
  /// - Parameters:
  ///   - interface: Its index.
  ///   - flags: Its `ifi_flags`; `nil` where it is gone.
  ///   - link: Its attributes.
  package init(
    interface: UInt32, flags: UInt32?,
    link: [UInt8] = NetlinkBytes.attribute(IFLA_MTU, UInt32(1500))
  ) {
    self.interface = interface
    self.flags = flags
    self.link = link
  }

  /// Takes a request for the interface, and queues its answer.
  package func send(_ datagram: [UInt8]) throws(Errno) {
    let type = try UInt16(wire: datagram[4..<6])
    let index = try UInt32(wire: datagram[20..<24])
    guard type == UInt16(RTM_GETLINK), index == interface, datagram.count == 32 else {
      throw .invalidArgument
    }
    let sequence = try UInt32(wire: datagram[8..<12])
    let refusal = flags == nil ? -Errno.noDevice.rawValue : 0
    let acknowledgement = NetlinkBytes.message(
      type: 2, flags: 0x100, sequence: sequence,
      NetlinkBytes.bytes(refusal) + [UInt8](repeating: 0, count: 16))
    datagrams = [acknowledgement]
    guard let flags else { return }
    let header =
      [0, 0, 0, 0] + NetlinkBytes.bytes(index) + NetlinkBytes.bytes(flags)
      + NetlinkBytes.bytes(UInt32(0))
    datagrams.insert(
      NetlinkBytes.message(type: Int(RTM_NEWLINK), flags: 0, sequence: sequence, header + link),
      at: 0)
  }

  /// The next answer; `ETIMEDOUT` at once where there is none.
  package func receive(until deadline: Instant) throws(Errno) -> [UInt8] {
    guard !datagrams.isEmpty else { throw .timedOut }
    return datagrams.removeFirst()
  }
}
