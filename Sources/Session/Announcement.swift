// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
package import Sockets

/// The lines that scripts look for, and nothing else in the sources prints them. Tests of the
/// kernel and of others wait for these words or cut numbers out of them, so they stay as the C tool
/// prints them (`tools/testing/selftests/drivers/net/hw/ncdevmem.c`), mistakes included.
package enum Announcement: Sendable {
  /// The interface was found. The C tool prints the same first.
  case interface(index: UInt32)
  /// Memory is bound for receiving, by the kernel's number.
  case binding(UInt32)
  /// Memory is bound for sending, by the kernel's number.
  case transmitBinding(UInt32)
  /// Where the run is going to listen.
  case address(SocketAddress)
  /// The run listens: senders may connect. The C tool has this word so, and scripts wait for it.
  case waiting(SocketAddress)
  /// The run waits for the sender of a measurement, on its control port. Not a line of the C tool.
  case waitingForSender(SocketAddress)
  /// A connection was taken.
  case connection(from: SocketAddress?)
  /// A fragment came, with `--trace`; the stream has so many bytes with it.
  case fragment(Fragment, totalBytes: Int)
  /// The stream ended after so many bytes.
  case received(totalBytes: Int)
  /// Every byte was as expected: the only line that belongs on the standard output.
  case validated

  /// The line, without its end.
  package var text: String {
    switch self {
    case .interface(let index): "using ifindex=\(index)"
    case .binding(let id): "got dmabuf id=\(id)"
    case .transmitBinding(let id): "got tx dmabuf id=\(id)"
    case .address(let address): "binding to address \(address)"
    case .waiting(let address): "Waiting or connection on \(address)"
    case .waitingForSender(let address): "waiting for a sender on control port \(address)"
    case .connection(let peer): "Got connection from \(peer?.description ?? "nowhere")"
    case .fragment(let fragment, let totalBytes):
      """
      received frag_page=\(fragment.offset / UInt64(pageSize)), \
      in_page_offset=\(fragment.offset % UInt64(pageSize)), frag_offset=\(fragment.offset), \
      frag_size=\(fragment.size), token=\(fragment.token), total_received=\(totalBytes), \
      dmabuf_id=\(fragment.binding)
      """
    case .received(let totalBytes): "total_received=\(totalBytes)"
    case .validated: "Validated buffer"
    }
  }

  /// Prints the line on the standard error; with `--quiet` only a fragment's, which `--trace` asks for.
  func print() {
    if case .fragment = self { Diagnostics.print(text) } else { Diagnostics.inform(text) }
  }
}

extension Interface {
  /// Finds the interface that a run is for, and announces it.
  init(announcing name: String) throws(Failure) {
    let interface = try Interface(named: name)
    Announcement.interface(index: interface.index).print()
    self = interface
  }
}
