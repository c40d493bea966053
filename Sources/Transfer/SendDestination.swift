// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Sockets

/// Where a stream goes, and from which memory. Sends from device memory are not copied; sends from
/// host memory are, so that they are complete at once, wherever the copy then is, or the kernel sends
/// from there.
package final class SendDestination: DevmemDestination {
  /// The connection to the receiver.
  package let connection: Connection
  /// What to send from; `nil` for device memory.
  private let host: HostMemory?
  private let copies: Bool
  private var copied: UInt32 = 0
  private var reported: UInt32 = 0

  /// - Parameters:
  ///   - host: What to send from; `nil` for device memory.
  ///   - copying: Whether the kernel copies what is sent from there.
  package init(over connection: consuming Connection, from host: HostMemory?, copying: Bool = true)
  {
    self.connection = connection
    self.host = host
    copies = copying && host != nil
  }

  package var descriptor: Descriptor { connection.descriptor }

  package func send(
    offset: Int, count: Int, with frame: borrowing SendFrame
  ) throws(Errno) -> Int {
    guard let host else {
      return try connection.send(offset: offset, count: count, with: frame)
    }
    let taken = try host.send(offset..<offset + count, over: connection, copying: copies)
    if copies { copied &+= 1 }
    return taken
  }

  package func takeNotice() throws(Errno) -> SendNotice? {
    guard copies else { return try connection.takeNotice() }
    guard reported != copied else { return nil }
    defer { reported = copied }
    return .complete(first: reported, last: copied &- 1, copied: true)
  }

  package func takeError() throws(Errno) -> Errno? { try connection.takeError() }

  package func finishSending() throws(Errno) { try connection.finishSending() }

  package func acknowledgement() throws(Errno) -> Acknowledgement {
    try connection.acknowledgement()
  }

  package func receiveCopy(into bytes: inout MutableRawSpan) throws(Errno) -> Int {
    try connection.receiveCopy(into: &bytes)
  }
}
